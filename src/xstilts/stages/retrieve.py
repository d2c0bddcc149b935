"""Retrieval of translations by nearest vector, and the choice of the layer that all arms use."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import torch
from torch import Tensor

from xstilts.data.features import featurise
from xstilts.engine.store import Draft
from xstilts.errors import DataError
from xstilts.examples import Parallel, Sentence
from xstilts.metrics import metric, score_frame
from xstilts.models.split import layers
from xstilts.predict import nearest
from xstilts.stages.artifacts import facts_of
from xstilts.stages.environment import Emit, Event
from xstilts.stages.scoring import text_facts, write_scores
from xstilts.stages.specs import ChooseLayerStage, Data, RetrieveStage
from xstilts.stages.vectors import Tool, layer_of, tool_of, vectors_of
from xstilts.stages.workshop import Workshop, cap


def run(spec: RetrieveStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    layer, tool = layer_of(spec, workshop), tool_of(spec.parent, workshop)
    examples = _parallel(workshop, spec.data, spec.split)
    centre = _parallel(workshop, spec.data, spec.centre_split)
    vectors = _vectors(examples, tool, [layer], spec, workshop)[0]
    centres = _vectors(centre, tool, [layer], spec, workshop)[0].mean(1, keepdim=True)
    frame = _matched(examples, vectors - centres)
    draft.facts.update(write_scores(draft.path, frame, workshop.task(spec.data.task)))
    draft.facts.update(text_facts(examples, tool[1], spec.max_length))
    draft.facts.update(layer=layer, pooling=spec.pooling, encoder=facts_of(workshop.store, spec.parent)["encoder"])


def choose(spec: ChooseLayerStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    """Every layer of the untrained encoder on all languages; the highest mean wins, the lower on a tie.

    For retrieval, half of each language's strings give the mean that centres the other half, so no string is centred
    by itself. For mining, which does not centre, the strings are the gold pairs.
    """
    tool = tool_of(spec.parent, workshop)
    depth = len(layers(tool[0])) + 1
    rows = []
    for number, data in enumerate(spec.data):
        examples = _parallel(workshop, data, spec.split)
        vectors = _vectors(examples, tool, range(depth), spec, workshop)
        half = len(examples) // 2 if workshop.task(data.task).problem == "retrieval" else 0
        for layer in range(depth):
            scored = vectors[layer, :, half:]
            if half:
                scored = scored - vectors[layer, :, :half].mean(1, keepdim=True)
            value = metric("retrieval_accuracy").score(_matched(examples[half:], scored))
            rows.append({"language": data.language, "layer": layer, "value": value})
        emit(Event(key=spec.key, kind="progress", done=number + 1, total=len(spec.data)))
    curve = pl.DataFrame(rows)
    curve.write_parquet(draft.path / "layers.parquet")
    means = curve.group_by("layer").agg(pl.col("value").mean()).sort("layer")
    draft.facts.update(layer=int(means["value"].arg_max() or 0), curve=means["value"].to_list())


def _parallel(workshop: Workshop, data: Data, split: str) -> Sequence[Parallel]:
    if workshop.task(data.task).problem == "retrieval":
        return workshop.examples(data, split)  # type: ignore[return-value]
    sentences: Sequence[Sentence] = workshop.examples(replace(data, max_examples=None), split)  # type: ignore[assignment]
    return cap(_pairs(sentences), data.max_examples)  # type: ignore[return-value]


def _pairs(sentences: Sequence[Sentence]) -> list[Parallel]:
    """The translations that two collections hold. Raises DataError where they hold none."""
    english = {e.id: e.text for e in sentences if e.english}
    found = [
        Parallel(id=e.id, group=e.group, language=e.language, text=e.text, english=english[e.partners[0]])
        for e in sentences
        if not e.english and e.partners and e.partners[0] in english
    ]
    if not found:
        raise DataError(
            "no sentence has a translation to choose a layer by", "name the layer, as `layer:` of the target"
        )
    return found


def _vectors(
    examples: Sequence[Parallel],
    tool: Tool,
    layers: Sequence[int],
    spec: RetrieveStage | ChooseLayerStage,
    workshop: Workshop,
) -> Tensor:
    """[layers, 2, examples, hidden]: the foreign texts, then the English ones."""
    _, tokenizer, prefix = tool
    texts = [replace(e, text=prefix + e.text, english=prefix + e.english) for e in examples]
    features = featurise("retrieval", texts, tokenizer, None, spec.max_length)
    vectors = vectors_of(features, tool, layers, spec, workshop)
    return torch.stack([vectors[:, 0::2], vectors[:, 1::2]], dim=1)


def _matched(examples: Sequence[Parallel], vectors: Tensor) -> pl.DataFrame:
    foreign, english = vectors
    ids = [example.id for example in examples]
    found = zip(nearest(foreign, english).tolist(), nearest(english, foreign).tolist(), strict=True)
    predicted = [[ids[to_english], ids[from_english]] for to_english, from_english in found]
    return score_frame("retrieval", [(e.id, e.group) for e in examples], ids, predicted)
