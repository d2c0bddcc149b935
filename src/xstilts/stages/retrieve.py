"""Retrieval of translations by nearest vector, and the choice of the layer that all arms use."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import polars as pl
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.data.features import featurise
from xstilts.encoders import find_card
from xstilts.engine.store import Draft
from xstilts.errors import UserError
from xstilts.examples import Parallel
from xstilts.metrics import metric, score_frame
from xstilts.models.heads import encoder_state, load_backbone, restore_encoder
from xstilts.models.split import layers
from xstilts.predict import POOLINGS, embed, nearest
from xstilts.results import CURVE_FILE
from xstilts.stages.artifacts import changed, facts_of, folder_of, tokenizer_in
from xstilts.stages.environment import Emit, Event
from xstilts.stages.lineage import check_lineage
from xstilts.stages.scoring import text_facts, write_scores
from xstilts.stages.specs import ChooseLayerStage, Data, RetrieveStage
from xstilts.stages.workshop import Workshop

Tool = tuple[PreTrainedModel, PreTrainedTokenizerBase, str]
"""An encoder, its tokenizer, and the prefix that its texts were trained with."""


def run(spec: RetrieveStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    """Every layer and pooling in one pass, of which one is the score; the others are published as a curve."""
    tool = _tool(spec.parent, workshop)
    layer, pooling = _choice(spec, workshop)
    examples = _parallel(workshop, spec.data, spec.split)
    task = workshop.task(spec.data.task)
    unchecked = check_lineage(workshop, spec.parent, task, tuple(examples))
    vectors = _vectors(examples, tool, spec, workshop)
    centre = _parallel(workshop, spec.data, spec.centre_split) if spec.centre_split else None
    centres = _vectors(centre, tool, spec, workshop).mean(3, keepdim=True) if centre else 0.0
    frames = {place: _matched(examples, found) for place, found in _places(vectors - centres)}
    rows = [_row(spec.data.language, *place, metric(task.metric).score(frame)) for place, frame in frames.items()]
    pl.DataFrame(rows).write_parquet(draft.path / CURVE_FILE)
    draft.facts.update(write_scores(draft.path, frames[layer, pooling], task))
    draft.facts.update(text_facts(examples, tool[1], spec.max_length))
    draft.facts.update(layer=layer, pooling=pooling, encoder=facts_of(workshop.store, spec.parent)["encoder"])
    draft.facts.update(leaks_unchecked=unchecked)


def choose(spec: ChooseLayerStage, draft: Draft, workshop: Workshop, emit: Emit) -> None:
    """Every layer and pooling on all languages; the highest mean wins, the lower layer and then the mean on a tie.

    Where vectors are centred, half of each language's strings give the mean that centres the other half, so that no
    string is centred by itself.
    """
    tool = _tool(spec.parent, workshop)
    rows = []
    for number, data in enumerate(spec.data):
        examples = _parallel(workshop, data, spec.split)
        vectors = _vectors(examples, tool, spec, workshop)
        measure = metric(workshop.task(data.task).metric)
        if spec.centred:
            half = len(examples) // 2
            examples = examples[half:]
            vectors = vectors[..., half:, :] - vectors[..., :half, :].mean(3, keepdim=True)
        rows += [
            _row(data.language, *place, measure.score(_matched(examples, found))) for place, found in _places(vectors)
        ]
        emit(Event(key=spec.key, kind="progress", done=number + 1, total=len(spec.data)))
    curve = pl.DataFrame(rows)
    curve.write_parquet(draft.path / CURVE_FILE)
    layer, pooling = best(curve, spec.pooling)
    means = curve.filter(pooling=pooling).group_by("layer").agg(pl.col("value").mean()).sort("layer")
    draft.facts.update(layer=layer, pooling=pooling, curve=means["value"].to_list())


def best(curve: pl.DataFrame, pooling: str | None) -> tuple[int, str]:
    """The layer and pooling of the highest mean over languages; with that pooling only, if one is named."""
    if pooling is not None:
        curve = curve.filter(pooling=pooling)
    means = curve.group_by("layer", "pooling").agg(pl.col("value").mean())
    top = means.sort([-pl.col("value"), "layer", pl.col("pooling") != "mean"]).row(0, named=True)
    return top["layer"], top["pooling"]


def _choice(spec: RetrieveStage, workshop: Workshop) -> tuple[int, str]:
    if spec.chosen_by is None:
        return spec.layer or 0, spec.pooling or "mean"
    facts = facts_of(workshop.store, spec.chosen_by)
    if not spec.leave_out:
        return facts["layer"], facts["pooling"]
    curve = pl.read_parquet(workshop.store.path(spec.chosen_by) / CURVE_FILE)
    others = curve.filter(pl.col("language") != spec.data.language)
    if others.is_empty():
        raise UserError(
            f"the layer for {spec.data.language} is to be chosen on the other languages, but there are none",
            "score more languages, or name a task in `choose_on`",
        )
    return best(others, spec.pooling)


def _row(language: str, layer: int, pooling: str, value: float) -> dict[str, object]:
    return {"language": language, "layer": layer, "pooling": pooling, "value": value}


def _places(vectors: Tensor) -> Iterator[tuple[tuple[int, str], Tensor]]:
    """From [poolings, layers, 2, examples, hidden], each pair of layer and pooling with its vectors."""
    poolings = POOLINGS[: len(vectors)]
    for (number, pooling), layer in product(enumerate(poolings), range(vectors.shape[1])):
        yield (layer, pooling), vectors[number, layer]


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
    examples: Sequence[Parallel], tool: Tool, spec: RetrieveStage | ChooseLayerStage, workshop: Workshop
) -> Tensor:
    """[poolings, layers, 2, examples, hidden]: the foreign texts, then the English ones."""
    model, tokenizer, prefix = tool
    texts = [replace(e, text=prefix + e.text, english=prefix + e.english) for e in examples]
    vectors = embed(
        model,
        featurise("retrieval", texts, tokenizer, None, spec.max_length),
        tokenizer.pad_token_id,  # type: ignore[arg-type]
        layers=range(len(layers(model)) + 1),
        poolings=POOLINGS,
        precision=getattr(spec, "precision", "fp32"),
        device=workshop.environment.device,
    )
    return torch.stack([vectors[..., 0::2, :], vectors[..., 1::2, :]], dim=2)


def _matched(examples: Sequence[Parallel], vectors: Tensor) -> pl.DataFrame:
    foreign, english = vectors
    ids = [example.id for example in examples]
    found = zip(nearest(foreign, english).tolist(), nearest(english, foreign).tolist(), strict=True)
    predicted = [[ids[to_english], ids[from_english]] for to_english, from_english in found]
    return score_frame("retrieval", [(e.id, e.group) for e in examples], ids, predicted)
