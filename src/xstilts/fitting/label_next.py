"""Which texts to label next: those that may be of missing classes, then uncertain ones, unlike each other."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xstilts.fitting.model import FittedModel

FEW = 2
"""Rows of the language from which on a class is not missing."""
NEIGHBOURS = 10
"""Texts of the pool by which the density around a text is measured."""
CHUNK = 1024
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
    rows, multi_label = model.training, model.facts.problem == "multi-label"
    own = [row for row, name in enumerate(rows.languages) if name == model.facts.language]
    counts = Counter(
        label for row in own for label in (rows.labels[row].split("; ") if multi_label else [rows.labels[row]])
    )
    labelled = rows.vectors[own].float().numpy() if own else np.zeros((0, vectors.shape[1]), np.float32)
    selection = select(
        vectors.numpy(), probabilities, labelled, [counts[label] for label in model.labels], n, multi_label=multi_label
    )
    return [
        Choice(
            number=row,
            predicted=predicted,
            probability=probability,
            reason=f"may be {model.labels[reason]}" if isinstance(reason, int) else reason,
        )
        for row, reason in zip(selection.rows, selection.reasons, strict=True)
        for predicted, probability in [model.best_label(probabilities[row].tolist())]
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Numbers of the chosen texts, and why: `UNCERTAIN`, `UNLIKE`, or the number of a missing class."""

    rows: Sequence[int]
    reasons: Sequence[str | int]


def select(
    vectors: np.ndarray,
    probabilities: np.ndarray,
    labelled: np.ndarray,
    counts: Sequence[int],
    n: int,
    *,
    multi_label: bool = False,
) -> Selection:
    """`n` texts from vectors [texts, width] and probabilities [texts, classes] of texts, vectors [rows, width] of the
    labelled rows of the language, and the number of these for each class [classes]."""
    points, known = centred(vectors, labelled)
    missing = sorted((number for number, count in enumerate(counts) if count < FEW), key=lambda number: counts[number])
    found = texts_of_classes(probabilities, missing, n)
    doubt = uncertainty(probabilities, multi_label=multi_label)
    chosen = spread(
        points,
        doubt * density(points),
        np.concatenate([known, points[list(found)]]),
        n - len(found),
        without=list(found),
    )
    ranks = [np.searchsorted(np.sort(values), values, side="right") for values in (doubt, distances(points, known))]
    reasons = [UNCERTAIN if ranks[0][row] >= ranks[1][row] else UNLIKE for row in chosen]
    return Selection(rows=[*found, *chosen], reasons=[*found.values(), *reasons])


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


def centred(vectors: np.ndarray, labelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Texts and labelled rows as unit vectors from the mean of the texts: [texts, width] and [rows, width]. Encoders
    put all texts of a language into a narrow cone, in which distances mean little."""
    unit = _unit(vectors)
    mean = unit.mean(0)
    return _unit(unit - mean), _unit(_unit(labelled) - mean)


def distances(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The squared distance of each point [points] to the nearest of `others`, all of length 1; 2 if there are none."""
    if not len(others):
        return np.full(len(points), 2.0)
    return np.maximum(2 - 2 * (points @ others.T).max(1), 0.0)


def density(points: np.ndarray) -> np.ndarray:
    """The mean cosine similarity of each point [points], of length 1, to its `NEIGHBOURS` nearest others: low for odd
    texts, from which little is learnt about others (Settles and Craven 2008, "An analysis of active learning
    strategies for sequence labeling tasks")."""
    count = min(NEIGHBOURS, len(points) - 1)
    if count < 1:
        return np.ones(len(points))
    means: list[np.ndarray] = []
    for start in range(0, len(points), CHUNK):
        rows = points[start : start + CHUNK]
        similarity = rows @ points.T
        similarity[np.arange(len(rows)), np.arange(start, start + len(rows))] = -1
        means.append(np.partition(similarity, -count, axis=1)[:, -count:].mean(1))
    return np.maximum(np.concatenate(means), 1e-3)


def spread(
    points: np.ndarray, weights: np.ndarray, known: np.ndarray, n: int, without: Sequence[int] = ()
) -> list[int]:
    """Greedily the `n` points with the largest product of weight and squared distance to the nearest known or
    chosen one: farthest-first traversal (Gonzalez 1985; Sener and Savarese 2018, arXiv 1708.00489), weighted."""
    nearest = distances(points, known)
    free = np.ones(len(points), bool)
    free[list(without)] = False
    chosen: list[int] = []
    for _ in range(n):
        best = int(np.where(free, weights * nearest, -1.0).argmax())
        chosen.append(best)
        free[best] = False
        nearest = np.minimum(nearest, distances(points, points[best : best + 1]))
    return chosen


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
