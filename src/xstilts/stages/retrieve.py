"""Retrieval of translations by nearest vector, and the selection of a layer and pooling."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import polars as pl
import torch
from torch import Tensor

from xstilts.data.features import featurise
from xstilts.errors import DataError
from xstilts.metrics import metric
from xstilts.models.families import Pooling
from xstilts.models.split import layers
from xstilts.planning.specs import ChooseLayerStage, RetrieveStage
from xstilts.planning.stage import Data
from xstilts.problems import Parallel, Sentence
from xstilts.problems.scores import score_frame
from xstilts.stages.artifacts import base_encoder
from xstilts.stages.job_context import JobContext, cap
from xstilts.stages.lineage import check_lineage, count_items_trained_on
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


def run(spec: RetrieveStage, draft: Draft, context: JobContext) -> None:
    """Score one layer and pooling. The same forward pass gives the curve over all layers and poolings."""
    embedder, (layer, pooling) = load_embedder(spec.parent, context), layer_and_pooling(spec, context)
    examples = _parallel(context, spec.data, spec.split)
    task = context.task(spec.data.task)
    unchecked = check_lineage(context, spec.parent, task, spec.split, examples)
    poolings = candidate_poolings(spec, embedder, context)
    vectors = _vectors(examples, embedder, poolings, spec, context)
    if spec.centre_split:
        centre = _vectors(_parallel(context, spec.data, spec.centre_split), embedder, poolings, spec, context)
        vectors = vectors - centre.mean(3, keepdim=True)
    frames = {place: _score(examples, layer_vectors) for place, layer_vectors in _by_place(vectors, poolings)}
    rows = [_row(spec.data.language, *place, metric(task.metric).score(frame)) for place, frame in frames.items()]
    pl.DataFrame(rows).write_parquet(draft.path / CURVE_FILE)
    draft.facts = RetrieveFacts(
        encoder=base_encoder(context.store, spec.parent),
        scores=write_scores(draft.path, frames[layer, pooling], task),
        texts=text_facts(examples, embedder[1], spec.max_length, task),
        leaks=LeakFacts(
            unchecked=tuple(unchecked),
            images_shared={},
            items_trained_on=count_items_trained_on(context, spec.parent, task, spec.split, examples),
        ),
        layer=layer,
        pooling=pooling,
    )


def choose(spec: ChooseLayerStage, draft: Draft, context: JobContext) -> None:
    """Select the layer and pooling with the highest mean score over languages. Ties: lower layer, then mean pooling.

    To centre vectors, the mean of one half of the examples is subtracted from the other half, which is scored. Mining
    does not centre; its examples are the gold pairs.
    """
    embedder = load_embedder(spec.parent, context)
    poolings = candidate_poolings(spec, embedder, context)
    rows = []
    for data in spec.data:
        examples = _parallel(context, data, spec.split)
        vectors = _vectors(examples, embedder, poolings, spec, context)
        task = context.task(data.task)
        measure = metric(task.metric if task.spec.is_translation else "retrieval_accuracy")
        if spec.centred:
            half = len(examples) // 2
            examples = examples[half:]
            vectors = vectors[..., half:, :] - vectors[..., :half, :].mean(3, keepdim=True)
        rows += [
            _row(data.language, *place, measure.score(_score(examples, layer_vectors)))
            for place, layer_vectors in _by_place(vectors, poolings)
        ]
    curve = pl.DataFrame(rows)
    curve.write_parquet(draft.path / CURVE_FILE)
    layer, pooling = best_layer(curve, spec.pooling)
    means = curve.filter(pooling=pooling).group_by("layer").agg(pl.col("value").mean()).sort("layer")
    draft.facts = ChooseLayerFacts(layer=layer, pooling=pooling, curve=tuple(means["value"].to_list()))


def _row(language: str, layer: int, pooling: str, value: float) -> dict[str, object]:
    return {"language": language, "layer": layer, "pooling": pooling, "value": value}


def _by_place(vectors: Tensor, poolings: Sequence[Pooling]) -> Iterator[tuple[tuple[int, str], Tensor]]:
    """Split [poolings, layers, 2, examples, hidden] by (layer, pooling)."""
    for (number, pooling), layer in product(enumerate(poolings), range(vectors.shape[1])):
        yield (layer, pooling), vectors[number, layer]


def _parallel(context: JobContext, data: Data, split: str) -> Sequence[Parallel]:
    if context.task(data.task).spec.is_translation:
        return context.examples(data, split)  # type: ignore[return-value]
    sentences: Sequence[Sentence] = context.examples(replace(data, max_examples=None), split)  # type: ignore[assignment]
    return cap(_pairs(sentences), data.max_examples)  # type: ignore[return-value]


def _pairs(sentences: Sequence[Sentence]) -> list[Parallel]:
    """The gold pairs of two collections. Raises DataError if there are none."""
    english = {e.id: e.text for e in sentences if e.english}
    pairs = [
        Parallel(id=e.id, group=e.group, language=e.language, text=e.text, english=english[e.partners[0]])
        for e in sentences
        if not e.english and e.partners and e.partners[0] in english
    ]
    if not pairs:
        raise DataError("no sentence has a translation, so no layer can be selected", "set `layer` of the target")
    return pairs


def _vectors(
    examples: Sequence[Parallel],
    embedder: Embedder,
    poolings: Sequence[Pooling],
    spec: RetrieveStage | ChooseLayerStage,
    context: JobContext,
) -> Tensor:
    """[poolings, layers, 2, examples, hidden]; the third dimension is (foreign, English)."""
    model, tokenizer, prefix = embedder
    texts = [replace(e, text=prefix + e.text, english=prefix + e.english) for e in examples]
    features = featurise("retrieval", texts, tokenizer, None, spec.max_length)
    vectors = embed_features(features, embedder, range(len(layers(model)) + 1), poolings, spec, context)
    return torch.stack([vectors[..., 0::2, :], vectors[..., 1::2, :]], dim=2)


def _score(examples: Sequence[Parallel], vectors: Tensor) -> pl.DataFrame:
    foreign, english = vectors
    ids = [example.id for example in examples]
    neighbours = zip(nearest(foreign, english).tolist(), nearest(english, foreign).tolist(), strict=True)
    predicted = [[ids[to_english], ids[from_english]] for to_english, from_english in neighbours]
    return score_frame("retrieval", [(e.id, e.group) for e in examples], ids, predicted)
