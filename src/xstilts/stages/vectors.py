"""Vectors of texts by the encoder of an arm, and the layer and pooling that they are taken from."""

from collections.abc import Sequence

import polars as pl
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.encoders import find_card
from xstilts.errors import UserError
from xstilts.models.families import Pooling
from xstilts.models.heads import encoder_state, load_text_encoder, restore_encoder
from xstilts.models.split import family
from xstilts.planning.specs import ChooseLayerStage, MineStage, RetrieveStage
from xstilts.problems.features import Feature
from xstilts.stages.artifacts import base_encoder, cached_tokenizer, changed_tensors, encoder_folder, read_facts
from xstilts.stages.job_context import JobContext, Slot
from xstilts.store.facts import ChooseLayerFacts
from xstilts.store.files import CURVE_FILE
from xstilts.train.predict import embed

Embedder = tuple[PreTrainedModel, PreTrainedTokenizerBase, str]
"""An encoder, its tokenizer, and the prefix of its texts in pretraining."""

EMBEDDERS = Slot[str, Embedder]("embedders, by artifact")


def load_embedder(key: str, context: JobContext) -> Embedder:
    def make() -> Embedder:
        folder = encoder_folder(context.store, key, context.environment)
        model = load_text_encoder(folder)
        tensors = changed_tensors(context.store, key)
        if tensors:
            restore_encoder(model, encoder_state(model) | tensors)
        prefix = find_card(base_encoder(context.store, key).name).query_prefix or ""
        return model.to(context.environment.device), cached_tokenizer(folder), prefix  # type: ignore[arg-type]

    return context.cached(EMBEDDERS, key, make)


def candidate_poolings(
    spec: RetrieveStage | ChooseLayerStage, embedder: Embedder, context: JobContext
) -> tuple[Pooling, ...]:
    """The poolings to select from: mean and first token; last token if the encoder was trained with it or is causal."""
    card = find_card(base_encoder(context.store, spec.parent).name)
    last: tuple[Pooling, ...] = ("last",) if card.pooling == "last" or family(embedder[0]).causal else ()
    return ("mean", "first", *last)


def best_layer(curve: pl.DataFrame, pooling: str | None) -> tuple[int, str]:
    """The layer and pooling with the highest mean over languages, among those with `pooling` if it is given."""
    if pooling is not None:
        curve = curve.filter(pooling=pooling)
    means = curve.group_by("layer", "pooling").agg(pl.col("value").mean())
    top = means.sort([-pl.col("value"), "layer", pl.col("pooling") != "mean"]).row(0, named=True)
    return top["layer"], top["pooling"]


def layer_and_pooling(spec: RetrieveStage | MineStage, context: JobContext) -> tuple[int, str]:
    """The layer and pooling of a stage: fixed by the recipe, or selected by another stage."""
    if spec.chosen_by is None:
        return spec.layer or 0, spec.pooling or "mean"
    if isinstance(spec, MineStage) or not spec.leave_out:
        facts = read_facts(context.store, spec.chosen_by)
        assert isinstance(facts, ChooseLayerFacts)
        return facts.layer, facts.pooling
    curve = pl.read_parquet(context.store.path(spec.chosen_by) / CURVE_FILE)
    others = curve.filter(pl.col("language") != spec.data.language)
    if others.is_empty():
        raise UserError(
            f"the layer for {spec.data.language} is selected on other languages, but there are none",
            "score more languages, or set `layer_selection_task` to a task",
        )
    return best_layer(others, spec.pooling)


def embed_features(
    features: Sequence[Feature],
    embedder: Embedder,
    layers: Sequence[int],
    poolings: Sequence[str],
    spec: RetrieveStage | MineStage | ChooseLayerStage,
    context: JobContext,
) -> Tensor:
    """[poolings, layers, features, hidden]"""
    model, tokenizer, _ = embedder
    return embed(
        model,
        features,
        tokenizer.pad_token_id,  # type: ignore[arg-type]
        layers=layers,
        poolings=poolings,
        precision=getattr(spec, "precision", "fp32"),
        device=context.environment.device,
    )
