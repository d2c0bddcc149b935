"""Retrieval of translations by nearest vector, and the choice of the layer that all arms use."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.data.features import featurise
from xstilts.encoders import find_card
from xstilts.engine.store import Draft
from xstilts.examples import Parallel
from xstilts.metrics import metric, score_frame
from xstilts.models.heads import encoder_state, load_backbone, restore_encoder
from xstilts.models.split import layers
from xstilts.predict import embed, nearest
from xstilts.stages.artifacts import changed, facts_of, folder_of, tokenizer_in
from xstilts.stages.environment import Emit, Event
from xstilts.stages.lineage import check_lineage
from xstilts.stages.scoring import text_facts, write_scores
from xstilts.stages.specs import ChooseLayerStage, Data, RetrieveStage
from xstilts.stages.workshop import Workshop

Tool = tuple[PreTrainedModel, PreTrainedTokenizerBase, str]
"""An encoder, its tokenizer, and the prefix that its texts were trained with."""


def run(spec: RetrieveStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    layer = spec.layer if spec.layer is not None else facts_of(workshop.store, spec.chosen_by or "")["layer"]
    tool = _tool(spec.parent, workshop)
    examples = _parallel(workshop, spec.data, spec.split)
    unchecked = check_lineage(workshop, spec.parent, workshop.task(spec.data.task), tuple(examples))
    centre = _parallel(workshop, spec.data, spec.centre_split)
    vectors = _vectors(examples, tool, [layer], spec, workshop)[0]
    centres = _vectors(centre, tool, [layer], spec, workshop)[0].mean(1, keepdim=True)
    frame = _matched(examples, vectors - centres)
    draft.facts.update(write_scores(draft.path, frame, workshop.task(spec.data.task)))
    draft.facts.update(text_facts(examples, tool[1], spec.max_length))
    draft.facts.update(layer=layer, pooling=spec.pooling, encoder=facts_of(workshop.store, spec.parent)["encoder"])
    draft.facts.update(leaks_unchecked=unchecked)


def choose(spec: ChooseLayerStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    """Every layer of the untrained encoder, centred, on all languages; the highest mean wins, the lower on a tie.

    Half of each language's strings give the mean that centres the other half, so no string is centred by itself.
    """
    tool = _tool(spec.parent, workshop)
    depth = len(layers(tool[0])) + 1
    rows = []
    for number, data in enumerate(spec.data):
        examples = _parallel(workshop, data, spec.split)
        vectors = _vectors(examples, tool, range(depth), spec, workshop)
        half = len(examples) // 2
        for layer in range(depth):
            scored = vectors[layer, :, half:] - vectors[layer, :, :half].mean(1, keepdim=True)
            value = metric("retrieval_accuracy").score(_matched(examples[half:], scored))
            rows.append({"language": data.language, "layer": layer, "value": value})
        emit(Event(key=spec.key, kind="progress", done=number + 1, total=len(spec.data)))
    curve = pl.DataFrame(rows)
    curve.write_parquet(draft.path / "layers.parquet")
    means = curve.group_by("layer").agg(pl.col("value").mean()).sort("layer")
    draft.facts.update(layer=int(means["value"].arg_max() or 0), curve=means["value"].to_list())


def _tool(key: str, workshop: Workshop) -> Tool:
    def make() -> Tool:
        folder = folder_of(workshop.store, key, workshop.environment)
        model = load_backbone(folder)
        tensors = changed(workshop.store, key)
        if tensors:
            restore_encoder(model, encoder_state(model) | tensors)
        prefix = find_card(facts_of(workshop.store, key)["encoder"]).query_prefix or ""
        return model.to(workshop.environment.device), tokenizer_in(folder), prefix  # type: ignore[arg-type]

    return workshop.once(("encoder", key), make)


def _parallel(workshop: Workshop, data: Data, split: str) -> Sequence[Parallel]:
    return workshop.examples(data, split)  # type: ignore[return-value]


def _vectors(
    examples: Sequence[Parallel],
    tool: Tool,
    layers: Sequence[int],
    spec: RetrieveStage | ChooseLayerStage,
    workshop: Workshop,
) -> Tensor:
    """[layers, 2, examples, hidden]: the foreign texts, then the English ones."""
    model, tokenizer, prefix = tool
    texts = [replace(e, text=prefix + e.text, english=prefix + e.english) for e in examples]
    vectors = embed(
        model,
        featurise("retrieval", texts, tokenizer, None, spec.max_length),
        tokenizer.pad_token_id,  # type: ignore[arg-type]
        layers=layers,
        pooling=spec.pooling,
        precision=getattr(spec, "precision", "fp32"),
        device=workshop.environment.device,
    )
    return torch.stack([vectors[:, 0::2], vectors[:, 1::2]], dim=1)


def _matched(examples: Sequence[Parallel], vectors: Tensor) -> pl.DataFrame:
    foreign, english = vectors
    ids = [example.id for example in examples]
    found = zip(nearest(foreign, english).tolist(), nearest(english, foreign).tolist(), strict=True)
    predicted = [[ids[to_english], ids[from_english]] for to_english, from_english in found]
    return score_frame("retrieval", [(e.id, e.group) for e in examples], ids, predicted)
