"""Retrieval of translations by nearest vector, and the choice of the layer that all arms use."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import polars as pl
import torch
from torch import Tensor

from xstilts.data.features import featurise
from xstilts.errors import DataError
from xstilts.execution.environment import Emit, Event
from xstilts.metrics import metric
from xstilts.models.families import Pooling
from xstilts.models.split import layers
from xstilts.planning.specs import ChooseLayerStage, RetrieveStage
from xstilts.planning.stage import Data
from xstilts.problems import Parallel, Sentence
from xstilts.problems.scores import score_frame
from xstilts.stages.artifacts import base_encoder
from xstilts.stages.job_context import JobContext, cap
from xstilts.stages.lineage import check_lineage
from xstilts.stages.scoring import text_facts, write_scores
from xstilts.stages.vectors import (
    Embedder,
    best_layer,
    candidate_poolings,
    embed_features,
    layer_and_pooling,
    load_embedder,
)
from xstilts.store.facts import ChooseLayerFacts, LeakFacts, RetrieveFacts
from xstilts.store.files import CURVE_FILE
from xstilts.store.store import Draft
from xstilts.train.predict import nearest


def run(spec: RetrieveStage, draft: Draft, context: JobContext, emit: Emit) -> None:
    """Every layer and pooling in one pass, of which one is the score; the others are published as a curve."""
    tool, (layer, pooling) = load_embedder(spec.parent, context), layer_and_pooling(spec, context)
    examples = _parallel(context, spec.data, spec.split)
    task = context.task(spec.data.task)
    unchecked = check_lineage(context, spec.parent, task, tuple(examples))
    poolings = candidate_poolings(spec, tool, context)
    vectors = _vectors(examples, tool, poolings, spec, context)
    centre = _parallel(context, spec.data, spec.centre_split) if spec.centre_split else None
    centres = _vectors(centre, tool, poolings, spec, context).mean(3, keepdim=True) if centre else 0.0
    frames = {place: _matched(examples, found) for place, found in _places(vectors - centres, poolings)}
    rows = [_row(spec.data.language, *place, metric(task.metric).score(frame)) for place, frame in frames.items()]
    pl.DataFrame(rows).write_parquet(draft.path / CURVE_FILE)
    draft.facts = RetrieveFacts(
        encoder=base_encoder(context.store, spec.parent),
        scores=write_scores(draft.path, frames[layer, pooling], task),
        texts=text_facts(examples, tool[1], spec.max_length, task),
        leaks=LeakFacts(unchecked=tuple(unchecked), images_shared={}),
        layer=layer,
        pooling=pooling,
    )


def choose(spec: ChooseLayerStage, draft: Draft, context: JobContext, emit: Emit) -> None:
    """Every layer and pooling on all languages; the highest mean wins, the lower layer and then the mean on a tie.

    Where vectors are centred, half of each language's strings give the mean that centres the other half, so that no
    string is centred by itself. For mining, which does not centre, the strings are the gold pairs.
    """
    tool = load_embedder(spec.parent, context)
    poolings = candidate_poolings(spec, tool, context)
    rows = []
    for number, data in enumerate(spec.data):
        examples = _parallel(context, data, spec.split)
        vectors = _vectors(examples, tool, poolings, spec, context)
        task = context.task(data.task)
        measure = metric(task.metric if task.spec.is_translation else "retrieval_accuracy")
        if spec.centred:
            half = len(examples) // 2
            examples = examples[half:]
            vectors = vectors[..., half:, :] - vectors[..., :half, :].mean(3, keepdim=True)
        rows += [
            _row(data.language, *place, measure.score(_matched(examples, found)))
            for place, found in _places(vectors, poolings)
        ]
        emit(Event(key=spec.key, kind="progress", done=number + 1, total=len(spec.data)))
    curve = pl.DataFrame(rows)
    curve.write_parquet(draft.path / CURVE_FILE)
    layer, pooling = best_layer(curve, spec.pooling)
    means = curve.filter(pooling=pooling).group_by("layer").agg(pl.col("value").mean()).sort("layer")
    draft.facts = ChooseLayerFacts(layer=layer, pooling=pooling, curve=tuple(means["value"].to_list()))


def _row(language: str, layer: int, pooling: str, value: float) -> dict[str, object]:
    return {"language": language, "layer": layer, "pooling": pooling, "value": value}


def _places(vectors: Tensor, poolings: Sequence[Pooling]) -> Iterator[tuple[tuple[int, str], Tensor]]:
    """From [poolings, layers, 2, examples, hidden], each pair of layer and pooling with its vectors."""
    for (number, pooling), layer in product(enumerate(poolings), range(vectors.shape[1])):
        yield (layer, pooling), vectors[number, layer]


def _parallel(context: JobContext, data: Data, split: str) -> Sequence[Parallel]:
    if context.task(data.task).spec.is_translation:
        return context.examples(data, split)  # type: ignore[return-value]
    sentences: Sequence[Sentence] = context.examples(replace(data, max_examples=None), split)  # type: ignore[assignment]
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
    tool: Embedder,
    poolings: Sequence[Pooling],
    spec: RetrieveStage | ChooseLayerStage,
    context: JobContext,
) -> Tensor:
    """[poolings, layers, 2, examples, hidden]: the foreign texts, then the English ones."""
    model, tokenizer, prefix = tool
    texts = [replace(e, text=prefix + e.text, english=prefix + e.english) for e in examples]
    features = featurise("retrieval", texts, tokenizer, None, spec.max_length)
    vectors = embed_features(features, tool, range(len(layers(model)) + 1), poolings, spec, context)
    return torch.stack([vectors[..., 0::2, :], vectors[..., 1::2, :]], dim=2)


def _matched(examples: Sequence[Parallel], vectors: Tensor) -> pl.DataFrame:
    foreign, english = vectors
    ids = [example.id for example in examples]
    found = zip(nearest(foreign, english).tolist(), nearest(english, foreign).tolist(), strict=True)
    predicted = [[ids[to_english], ids[from_english]] for to_english, from_english in found]
    return score_frame("retrieval", [(e.id, e.group) for e in examples], ids, predicted)
