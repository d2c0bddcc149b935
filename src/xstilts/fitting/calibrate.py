"""Probabilities that match frequencies: temperature, expected calibration error and abstention, on held-out rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax

from xstilts.fitting.estimate import INTERVAL
from xstilts.fitting.report import AbstentionPoint, Bin, CalibrationReport

WIDEST = 3.0
"""Logarithms of temperatures are between -WIDEST and WIDEST."""
SPREAD = 0.5
"""Standard deviation of the logarithm of a temperature around that of the prior. With few rows, the prior decides."""
BINS = 10
ROWS_PER_BIN = 8
PRECISION = 0.9
FEWEST = 5
"""Rows above a threshold for abstention."""
BOOTSTRAP = 500


def fit_temperature(logits: np.ndarray, gold: np.ndarray, prior: float = 1.0) -> float:
    """The temperature with the highest posterior density: the likelihood of the rows times a log-normal prior.

    `logits` [rows, classes] and class ids [rows]; or logits and 0 or 1 for each label [rows, labels].
    """

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        penalty = (log_temperature - np.log(prior)) ** 2 / (2 * SPREAD**2)
        if gold.ndim == 2:
            return float(np.logaddexp(0, np.where(gold == 1, -scaled, scaled)).sum() / gold.shape[1] + penalty)
        return float(-log_softmax(scaled, axis=1)[np.arange(len(gold)), gold].sum() + penalty)

    found: Any = minimize_scalar(loss, bounds=(-WIDEST, WIDEST), method="bounded")
    return float(np.exp(found.x))


def probabilities(logits: np.ndarray, temperature: float, *, multi_label: bool = False) -> np.ndarray:
    return expit(logits / temperature) if multi_label else softmax(logits / temperature, axis=1)


def calibration_report(
    confidence: Sequence[float],
    correct: Sequence[bool],
    temperature: float,
    precision: float = PRECISION,
) -> CalibrationReport:
    """From the probability of each held-out prediction, and whether it is right."""
    p, right = np.asarray(confidence, float), np.asarray(correct, float)
    order = np.argsort(p, kind="stable")
    p, right = p[order], right[order]
    rng = np.random.default_rng(0)
    errors = [
        calibration_error(p[rows], right[rows]) for rows in np.sort(rng.integers(len(p), size=(BOOTSTRAP, len(p))))
    ]
    low, high = np.percentile(errors, INTERVAL)
    error = calibration_error(p, right)
    least = least_probability(p, right, precision)
    return CalibrationReport(
        temperature=temperature,
        error=error,
        error_low=min(float(low), error),
        error_high=max(float(high), error),
        bins=tuple(
            Bin(probability=float(p[rows].mean()), accuracy=float(right[rows].mean()), rows=len(rows))
            for rows in _bins(len(p))
        ),
        abstention=tuple(_abstention(p, right, least)),
        precision=precision,
        least_probability=least,
    )


def calibration_error(p: np.ndarray, right: np.ndarray) -> float:
    """The mean of |accuracy - mean probability| over bins with equally many rows, weighted by their rows. Sorted input.

    Naeini et al. (2015, AAAI, section 2), with bins of equal mass.
    """
    return float(sum(abs(p[rows].mean() - right[rows].mean()) * len(rows) for rows in _bins(len(p))) / len(p))


def least_probability(p: np.ndarray, right: np.ndarray, precision: float) -> float | None:
    """The lowest threshold from which predictions are right at the wanted rate, by the mean of a uniform prior's
    posterior; None if there is none. Sorted input."""
    kept = np.arange(len(p), 0, -1)
    rate = (np.cumsum(right[::-1])[::-1] + 1) / (kept + 2)
    usable = np.flatnonzero((rate >= precision) & (kept >= FEWEST))
    return float(p[usable[0]]) if len(usable) else None


def _abstention(p: np.ndarray, right: np.ndarray, least: float | None) -> list[AbstentionPoint]:
    starts = np.linspace(0, max(0, len(p) - FEWEST), 10).astype(int).tolist()
    starts = sorted({int(np.searchsorted(p, p[start])) for start in starts})
    if least is not None:
        starts = sorted({*starts, int(np.searchsorted(p, least))})
    return [
        AbstentionPoint(
            threshold=float(p[start]), coverage=float(1 - start / len(p)), precision=float(right[start:].mean())
        )
        for start in starts
    ]


def _bins(rows: int) -> list[np.ndarray]:
    return [part for part in np.array_split(np.arange(rows), max(1, min(BINS, rows // ROWS_PER_BIN))) if len(part)]
