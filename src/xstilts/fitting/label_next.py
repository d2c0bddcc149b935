"""Which texts to label next: those that may be of missing classes, then uncertain ones that are unlike each other."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xstilts.fitting.model import FittedModel

FEW = 2
"""Rows of the language from which on a class is not missing."""
MISSING_SHARE = 0.5
"""At most this share of the texts is chosen for missing classes."""
UNCERTAIN, UNLIKE = "uncertain", "unlike labelled rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A chosen text: its number among the texts, the prediction, and why it was chosen."""

    number: int
    predicted: Any
    """A label; for multi-label models, a list of labels."""
    probability: float
    reason: str


def choose_texts(
    model: FittedModel,
    texts: Sequence[Any],
    n: int,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> list[Choice]:
    """The `n` texts to label next, in the order of choice. `texts` are as for `model.predict`, at least `n`."""
    vectors, probabilities = model.vectors_and_probabilities(texts, report)
    own = [row for row, name in enumerate(model.training.languages) if name == model.facts.language]
    points, labelled = centred(vectors.numpy(), model.training.vectors[own].float().numpy() if own else None)
    missing = texts_of_classes(probabilities, [model.labels.index(label) for label in missing_classes(model)], n)
    doubt = uncertainty(probabilities, multi_label=model.facts.problem == "multi-label")
    known = np.concatenate([labelled, points[list(missing)]])
    chosen = spread(points, doubt, known, n - len(missing), without=missing)
    reasons = {row: f"may be {model.labels[label]}" for row, label in missing.items()}
    reasons |= _reasons(chosen, doubt, distances(points, labelled))
    return [
        Choice(number=row, predicted=predicted, probability=probability, reason=reasons[row])
        for row in (*missing, *chosen)
        for predicted, probability in [model.best_label(probabilities[row].tolist())]
    ]


def missing_classes(model: FittedModel) -> list[str]:
    """Classes with fewer than `FEW` rows of the language, those with the fewest first."""
    rows = model.training
    counts: Counter[str] = Counter()
    for label, language in zip(rows.labels, rows.languages, strict=True):
        if language == model.facts.language:
            counts.update(label.split("; ") if model.facts.problem == "multi-label" else [label])
    return sorted((label for label in model.labels if counts[label] < FEW), key=lambda label: counts[label])


def texts_of_classes(probabilities: np.ndarray, classes: Sequence[int], n: int) -> dict[int, int]:
    """Numbers of texts with the class that they are chosen for: for each class in turn, the most probable free one.

    `probabilities` are [texts, classes]. Each class gets at most `FEW` texts, all classes at most their share of `n`.
    """
    most = min(FEW * len(classes), int(MISSING_SHARE * n))
    found: dict[int, int] = {}
    orders = [iter(np.argsort(-probabilities[:, number], kind="stable").tolist()) for number in classes]
    while len(found) < most:
        number = len(found) % len(classes)
        found[next(row for row in orders[number] if row not in found)] = classes[number]
    return found


def uncertainty(probabilities: np.ndarray, *, multi_label: bool = False) -> np.ndarray:
    """[texts], from 0 to 1: entropy over the logarithm of the classes; for multi-label, its mean over the labels."""
    if multi_label:
        both = np.stack([probabilities, 1 - probabilities], -1)
        return (-(both * np.log(np.maximum(both, 1e-12))).sum(-1) / np.log(2)).mean(-1)
    entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(-1)
    return entropy / np.log(probabilities.shape[1])


def centred(vectors: np.ndarray, labelled: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Texts and labelled rows as unit vectors from the mean of the texts: [texts, width] and [rows, width]. Encoders
    put all texts of a language into a narrow cone, in which distances mean little."""
    unit = _unit(vectors)
    mean = unit.mean(0)
    rows = np.zeros((0, vectors.shape[1])) if labelled is None else labelled
    return _unit(unit - mean), _unit(rows - mean)


def distances(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The squared distance of each point [points] to the nearest of `others`, all of length 1; 2 if there are none."""
    if not len(others):
        return np.full(len(points), 2.0)
    return np.maximum(2 - 2 * (points @ others.T).max(1), 0.0)


def spread(
    points: np.ndarray, doubt: np.ndarray, known: np.ndarray, n: int, without: Sequence[int] | dict[int, int] = ()
) -> list[int]:
    """Greedily the `n` points with the largest product of uncertainty and squared distance to the nearest known or
    chosen one: farthest-first traversal (Gonzalez 1985; Sener and Savarese 2018, arXiv 1708.00489) with weights."""
    nearest = distances(points, known)
    free = np.ones(len(points), bool)
    free[list(without)] = False
    chosen: list[int] = []
    for _ in range(n):
        best = int(np.where(free, doubt * nearest, -1.0).argmax())
        chosen.append(best)
        free[best] = False
        nearest = np.minimum(nearest, distances(points, points[best : best + 1]))
    return chosen


def _reasons(chosen: Sequence[int], doubt: np.ndarray, distance: np.ndarray) -> dict[int, str]:
    """Whether a text ranks higher among all by its uncertainty or by its distance to labelled rows."""
    ranks = [np.searchsorted(np.sort(values), values, side="right") for values in (doubt, distance)]
    return {row: UNCERTAIN if ranks[0][row] >= ranks[1][row] else UNLIKE for row in chosen}


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
