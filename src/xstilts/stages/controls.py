"""Controls for scores on texts and images: shuffled images, and the most frequent label."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from torch import nn

from xstilts.metrics import metric
from xstilts.models.inputs import ModelInputs
from xstilts.problems import Example
from xstilts.problems.features import Feature
from xstilts.problems.trivial import most_frequent
from xstilts.stages.training import scored_items
from xstilts.store.facts import ImageControls, ItemScore, TextsOfShots
from xstilts.tasks.task import Task
from xstilts.train.predict import predict


def most_frequent_label(examples: Sequence[Example]) -> str | None:
    """The most frequent label, the alphabetically first on ties; None without labels."""
    labels = [label for example in examples if (label := example.stratum) is not None]
    return most_frequent(labels) if labels else None


def image_controls(
    model: nn.Module,
    inputs: ModelInputs,
    examples: Sequence[Example],
    labels: Sequence[str],
    task: Task,
    label: str | None,
) -> ImageControls | None:
    """Scores with the images of other items, and with `label` as every prediction. None for tasks without images."""
    if not task.spec.has_images:
        return None
    shuffled = replace(inputs, features=_shuffled(inputs.features, examples))
    return ImageControls(
        shuffled_images=_score(task, examples, predict(model, shuffled, examples, labels)),
        label_prior=None if label is None else _score(task, examples, [label] * len(examples)),
    )


def scores_by_seen_text(
    frame: pl.DataFrame, examples: Sequence[Example], shots: Sequence[Example], task: Task
) -> TextsOfShots | None:
    """Separate scores of items whose text occurs in the shots, and of the others. None for tasks without images."""
    if not task.spec.has_images:
        return None
    shot_texts = {shot.texts for shot in shots}
    is_seen = pl.Series([example.texts in shot_texts for example in examples])
    measure = metric(task.metric)

    def score(items: pl.DataFrame) -> ItemScore | None:
        return ItemScore(items=len(items), score=measure.score(items)) if len(items) else None

    return TextsOfShots(seen=score(frame.filter(is_seen)), unseen=score(frame.filter(~is_seen)))


def _score(task: Task, examples: Sequence[Example], predicted: Sequence[Any]) -> float:
    return metric(task.metric).score(scored_items(task, examples, predicted))


def _shuffled(features: Sequence[Feature], examples: Sequence[Example]) -> list[Feature]:
    """Each with the images of the next example, in an order that depends on the example ids only."""
    order = sorted(range(len(features)), key=lambda row: hashlib.sha256(examples[row].id.encode()).digest())
    successors = dict(zip(order, order[1:] + order[:1], strict=True))
    return [replace(feature, images=features[successors[row]].images) for row, feature in enumerate(features)]
