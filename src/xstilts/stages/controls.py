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
) -> dict[str, Any]:
    """Scores by the task's metric: `shuffled_images`, with every text beside the images of another item, and
    `label_prior`, where `label` is the answer to all. Empty for tasks without images."""
    if not task.spec.images:
        return {}
    shuffled = replace(inputs, features=_shuffled(inputs.features, examples))
    found = {"shuffled_images": _score(task, examples, predict(part, shuffled, examples, labels))}
    if label is not None:
        found["label_prior"] = _score(task, examples, [label] * len(examples))
    return {"controls": found}


def scores_by_seen_text(frame: pl.DataFrame, examples: Sequence[Example], shots: Sequence[Example], task: Task) -> Any:
    """Scores apart of items whose text was among the shots' texts, and of others, with their numbers."""
    if not task.spec.images:
        return {}
    known = {shot.texts for shot in shots}
    seen = pl.Series([example.texts in known for example in examples])
    parts = {"seen": frame.filter(seen), "unseen": frame.filter(~seen)}
    measure = metric(task.metric)
    found = {name: {"items": len(part), "score": measure.score(part)} for name, part in parts.items() if len(part)}
    return {"texts_of_shots": found}


def _score(task: Task, examples: Sequence[Example], predicted: Sequence[Any]) -> float:
    return metric(task.metric).score(scored_items(task, examples, predicted))


def _shuffled(features: Sequence[Feature], examples: Sequence[Example]) -> list[Feature]:
    """Each with the images of the next one in an order that hangs on the examples' ids alone."""
    order = sorted(range(len(features)), key=lambda row: hashlib.sha256(examples[row].id.encode()).digest())
    following = dict(zip(order, order[1:] + order[:1], strict=True))
    return [replace(feature, images=features[following[row]].images) for row, feature in enumerate(features)]
