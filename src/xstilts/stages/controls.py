"""What a score over texts and images is worth: the same without the right images, and without looking at all."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from torch import nn

from xstilts.metrics import metric
from xstilts.models.inputs import ModelInputs
from xstilts.problems import Example
from xstilts.problems.features import Feature
from xstilts.stages.training import scored_items
from xstilts.store.facts import ImageControls, ItemScore, TextsOfShots
from xstilts.tasks.task import Task
from xstilts.train.predict import predict


def most_frequent_label(examples: Sequence[Example]) -> str | None:
    """The most frequent label, the first in order of equals; None where there are no labels."""
    counts = Counter(label for example in examples if (label := example.stratum) is not None)
    return min(counts, key=lambda label: (-counts[label], label)) if counts else None


def image_controls(
    part: nn.Module,
    inputs: ModelInputs,
    examples: Sequence[Example],
    labels: Sequence[str],
    task: Task,
    label: str | None,
) -> ImageControls | None:
    """The scores with other items' images, and with `label` as the answer to all. None for tasks without images."""
    if not task.spec.images:
        return None
    shuffled = replace(inputs, features=_shuffled(inputs.features, examples))
    return ImageControls(
        shuffled_images=_score(task, examples, predict(part, shuffled, examples, labels)),
        label_prior=None if label is None else _score(task, examples, [label] * len(examples)),
    )


def scores_by_seen_text(
    frame: pl.DataFrame, examples: Sequence[Example], shots: Sequence[Example], task: Task
) -> TextsOfShots | None:
    """Scores apart of items whose text was among the shots' texts, and of others. None for tasks without images."""
    if not task.spec.images:
        return None
    known = {shot.texts for shot in shots}
    seen = pl.Series([example.texts in known for example in examples])
    measure = metric(task.metric)

    def scored(part: pl.DataFrame) -> ItemScore | None:
        return ItemScore(items=len(part), score=measure.score(part)) if len(part) else None

    return TextsOfShots(seen=scored(frame.filter(seen)), unseen=scored(frame.filter(~seen)))


def _score(task: Task, examples: Sequence[Example], predicted: Sequence[Any]) -> float:
    return metric(task.metric).score(scored_items(task, examples, predicted))


def _shuffled(features: Sequence[Feature], examples: Sequence[Example]) -> list[Feature]:
    """Each with the images of the next one in an order that hangs on the examples' ids alone."""
    order = sorted(range(len(features)), key=lambda row: hashlib.sha256(examples[row].id.encode()).digest())
    following = dict(zip(order, order[1:] + order[:1], strict=True))
    return [replace(feature, images=features[following[row]].images) for row, feature in enumerate(features)]
