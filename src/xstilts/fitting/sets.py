"""Scores of multi-label predictions with intervals, by the Bayesian bootstrap over groups of rows."""

from collections.abc import Sequence

import numpy as np

from xstilts.fitting.estimate import INTERVAL, SAMPLES
from xstilts.fitting.report import Estimate


def micro_f1(counts: np.ndarray) -> np.ndarray:
    """From sums [..., 3] of true positives, predicted and gold labels."""
    return 2 * counts[..., 0] / np.maximum(counts[..., 1] + counts[..., 2], 1e-30)


def label_counts(gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """[rows, 3] from 0 or 1 for each label [rows, labels]."""
    return np.stack([(gold * predicted).sum(1), predicted.sum(1), gold.sum(1)], 1).astype(float)


def estimate_sets(counts: np.ndarray, groups: Sequence[str], *, optimism: float = 0.0, seed: int = 0) -> Estimate:
    """The micro F1 of held-out rows less `optimism`, with intervals.

    Each sample gives the groups Dirichlet weights (Rubin 1981, "The Bayesian bootstrap"); a sample of new rows gives
    them multinomial counts with these weights. One pseudo-group has the mean counts.
    """
    rng = np.random.default_rng(seed)
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((numbers.max() + 1, 3))
    np.add.at(sums, numbers, counts)
    sums = np.concatenate([sums, sums.mean(0, keepdims=True)])
    weights = rng.dirichlet(np.ones(len(sums)), SAMPLES)
    point = float(micro_f1(counts.sum(0))) - optimism
    low, high = np.percentile(micro_f1(weights @ sums), INTERVAL) - optimism
    drawn = np.stack([rng.multinomial(len(sums), row) for row in weights])
    next_low, next_high = np.percentile(micro_f1(drawn @ sums), INTERVAL) - optimism
    values = [point, min(low, point), max(high, point), min(next_low, point), max(next_high, point)]
    score, low, high, next_low, next_high = (float(np.clip(value, 0, 1)) for value in values)
    return Estimate(score=score, low=low, high=high, next_low=next_low, next_high=next_high)
