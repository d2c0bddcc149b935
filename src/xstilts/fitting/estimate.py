"""Scores with intervals from held-out predictions of few rows.

A confusion matrix has a posterior: for each class, a Dirichlet distribution over the predicted classes, whose prior is
centred on the errors of all classes together. Sampled matrices give the distribution of any score, for classes drawn
equally or with other shares.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xstilts.fitting.report import ClassScore, Estimate

SAMPLES = 2000
MOST_CELLS = 20_000_000
"""Cells of all sampled matrices; fewer samples are drawn for many classes."""
PRIOR = 2.0
"""Pseudo-rows per class."""
DISCOUNT = 0.5
"""What a held-out row counts for: rows share training data, and another draw of them gives another model. Set on the
development languages of `bench/fit.py`, which measures the coverage."""
INTERVAL = (2.5, 97.5)

Score = Callable[[np.ndarray], np.ndarray]
"""Maps confusion matrices [..., gold, predicted] to scores [...]."""


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """The mean F1 over the classes that have gold rows; that of a class without correct predictions is 0."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    gold, predicted = confusion.sum(-1), confusion.sum(-2)
    f1 = 2 * right / np.maximum(gold + predicted, 1e-30)
    return (f1 * (gold > 0)).sum(-1) / np.maximum((gold > 0).sum(-1), 1)


def accuracy(confusion: np.ndarray) -> np.ndarray:
    return np.diagonal(confusion, axis1=-2, axis2=-1).sum(-1) / np.maximum(confusion.sum((-2, -1)), 1e-30)


SCORES: dict[str, Score] = {"macro_f1": macro_f1, "accuracy": accuracy}


def confusion_matrix(gold: ArrayLike, predicted: ArrayLike, classes: int) -> np.ndarray:
    """[gold, predicted] counts."""
    matrix = np.zeros((classes, classes))
    np.add.at(matrix, (np.asarray(gold), np.asarray(predicted)), 1)
    return matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """Sampled confusion matrices: `rates` [samples, gold, predicted] add up to 1 over predicted classes, `shares`
    [samples, gold] are those of the classes with rows, 0 for others."""

    rates: np.ndarray
    shares: np.ndarray
    confusion: np.ndarray
    rows: int

    def estimate(self, score: Score, *, optimism: float = 0.0) -> Estimate:
        """The score of the counted matrix with classes in the expected shares, less `optimism`, with intervals."""
        samples = score(self.rates * self.shares[..., None])
        counts = self.confusion.sum(1, keepdims=True)
        expected = self.confusion / np.maximum(counts, 1) * self.shares.mean(0)[:, None]
        point = float(score(expected)) - optimism
        low, high = np.percentile(samples, INTERVAL) - optimism
        next_low, next_high = np.percentile(score(self._new_samples()), INTERVAL) - optimism
        return Estimate(
            score=_clip(point),
            low=_clip(min(low, point)),
            high=_clip(max(high, point)),
            next_low=_clip(min(next_low, point)),
            next_high=_clip(max(next_high, point)),
        )

    def predict(self, score: Score, rows: int, *, optimism: float = 0.0) -> tuple[float, float]:
        """The 95% prediction interval of the score on `rows` new rows."""
        low, high = np.percentile(score(self._new_samples(rows)), INTERVAL) - optimism
        return _clip(low), _clip(high)

    def class_scores(self, labels: Sequence[str], english: Sequence[int]) -> tuple[ClassScore, ...]:
        """Precision, recall and F1 of each class that has rows, with 95% intervals of F1."""
        cells = self.rates * self.shares[..., None]
        right = np.diagonal(cells, axis1=-2, axis2=-1)
        f1 = 2 * right / np.maximum(cells.sum(-1) + cells.sum(-2), 1e-30)
        low, high = np.percentile(f1, INTERVAL, axis=0)
        hits, gold, predicted = np.diagonal(self.confusion), self.confusion.sum(1), self.confusion.sum(0)
        return tuple(
            ClassScore(
                label=label,
                rows=int(gold[number]),
                english_rows=english[number],
                precision=float(hits[number] / max(predicted[number], 1)),
                recall=float(hits[number] / gold[number]),
                f1=float(2 * hits[number] / (gold[number] + predicted[number])),
                f1_low=float(low[number]),
                f1_high=float(high[number]),
            )
            for number, label in enumerate(labels)
            if gold[number]
        )

    def _new_samples(self, rows: int | None = None) -> np.ndarray:
        """For each sampled matrix, the counts of as many new rows."""
        rng, rows = np.random.default_rng(1), rows or self.rows
        cells = self.rates * self.shares[..., None]
        flat = cells.reshape(len(cells), -1)
        return rng.multinomial(rows, flat / flat.sum(1, keepdims=True)).reshape(cells.shape)


def posterior(
    confusion: np.ndarray, *, shares: np.ndarray | None = None, effective: float = 1.0, seed: int = 0
) -> Posterior:
    """The posterior of a confusion matrix [classes, classes] of held-out rows.

    `shares` [classes] are those of the classes among new rows; by default they are as uncertain as the counts.
    `effective` is the number of independent rows per row, below 1 if rows of one group are alike.
    """
    rng, classes = np.random.default_rng(seed), len(confusion)
    samples = max(200, min(SAMPLES, MOST_CELLS // max(classes, 1) ** 2))
    counts, total = confusion.sum(1), confusion.sum()
    present = counts > 0
    recall = (np.trace(confusion) + 1) / (total + 2)
    spread = (confusion.sum(0) + 1) / (total + classes)
    prior = np.tile(spread, (classes, 1))
    np.fill_diagonal(prior, 0)
    prior *= (1 - recall) / np.maximum(prior.sum(1, keepdims=True), 1e-30)
    np.fill_diagonal(prior, recall)
    alpha = confusion * DISCOUNT * effective + PRIOR * prior
    rates = rng.gamma(np.broadcast_to(np.maximum(alpha, 1e-9), (samples, classes, classes)))
    rates /= rates.sum(-1, keepdims=True)
    if shares is None:
        drawn = rng.gamma(np.broadcast_to(np.where(present, counts * effective + 0.5, 0.0), (samples, classes)))
    else:
        drawn = np.broadcast_to(np.where(present, shares, 0.0), (samples, classes))
    drawn = drawn / drawn.sum(1, keepdims=True)
    return Posterior(rates=rates, shares=drawn, confusion=confusion, rows=round(total))


def selection_optimism(correct: np.ndarray, groups: Sequence[str], *, samples: int = 500, seed: int = 0) -> float:
    """How much the score of the selected arm is too high because it was selected on the same rows.

    `correct` [arms, rows] are held-out scores of rows. The bootstrap selects an arm on drawn groups, as
    `xstilts.fitting.search.selected` does, and scores it on the others (Tsamardinos et al. 2018, "Bootstrapping the
    out-of-sample predictions for efficient and accurate cross-validation", section 3.1).
    """
    if len(correct) < 2:
        return 0.0
    rng = np.random.default_rng(seed)
    _, numbers, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    scores = np.stack([np.bincount(numbers, row, minlength=len(sizes)) / sizes for row in correct])
    differences = []
    for _ in range(samples):
        weights = np.bincount(rng.integers(len(sizes), size=len(sizes)), minlength=len(sizes))
        out = weights == 0
        if not out.any():
            continue
        arm = _selected(scores, weights)
        differences.append(scores[arm] @ weights / weights.sum() - scores[arm, out].mean())
    return max(0.0, float(np.mean(differences))) if differences else 0.0


def _selected(scores: np.ndarray, weights: np.ndarray) -> int:
    """The first arm, or the best one if it is ahead by more than one standard error. `scores` are [arms, groups]."""
    total = weights.sum()
    best = int((scores @ weights).argmax())
    difference = scores[best] - scores[0]
    mean = difference @ weights / total
    variance = weights @ (difference - mean) ** 2 / (total - 1)
    return best if mean > (variance / total) ** 0.5 else 0


def _clip(value: float) -> float:
    return float(min(1.0, max(0.0, value)))
