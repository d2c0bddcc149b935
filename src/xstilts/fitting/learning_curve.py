"""The score with fewer labelled rows, measured, and with more of them, forecast by a power law of the error."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from xstilts.fitting.dataset import Dataset
from xstilts.fitting.encode import class_ids
from xstilts.fitting.estimate import SCORES, posterior
from xstilts.fitting.folds import strata_of, stratified_group_folds
from xstilts.fitting.heads import fit_head
from xstilts.fitting.held_out import METRICS, arm_estimate
from xstilts.fitting.report import Estimate, Forecast
from xstilts.fitting.search import Candidate, Search
from xstilts.fitting.sets import estimate_sets, label_counts, micro_f1
from xstilts.fitting.validate import without_groups
from xstilts.methods.leave_one_out import Rows

PARTS = (4, 2)
"""A model is fitted to every one of so many parts of the rows and scored on the other parts."""
REPEATS = {4: 1, 2: 2}
"""Divisions into so many parts."""
FEWEST = 4
"""Rows of the smallest part."""
TIMES = (2, 4)
"""Forecasts are for so many times the rows."""
EXPONENT, SPREAD = 0.04, 0.04
"""Mean and standard deviation of the exponent before any row is seen, on the development languages of
`bench/learning_curve.py`."""
SLOPE_ERROR = 1.5
"""Measured exponents vary so much more than their standard error over rows says: which rows a part has matters too."""
DRAWS = 0.03
"""Standard deviation of the score over the rows that happen to be labelled. Set with the constants above so that
intervals cover 95% on these languages."""
GAIN = 0.02
SURE = 1.2816
"""`GAIN` is told if the exponent is above 0 by so many standard deviations, that is with a probability of 90%."""
SAMPLES = 4000
BOOTSTRAP = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """`points` by rows. `rows_to_gain` are expected to raise the score by `GAIN`; None if the curve does not say."""

    points: tuple[Forecast, ...] = ()
    rows_to_gain: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Held-out predictions of models that were fitted to `rows` rows: `predicted` [fits, all rows] are class ids, -1
    for the rows that a model was fitted to; for multi-label, 0 or 1 [fits, all rows, labels]."""

    rows: float
    predicted: np.ndarray
    held_out: np.ndarray
    """[fits, all rows]."""


def learning_curve(
    dataset: Dataset, search: Search, chosen: Candidate, shares: np.ndarray | None, optimism: float
) -> LearningCurve:
    """The curve of the selected arm, with `shares` [classes] and `optimism` as for its estimate.

    Models are fitted to a quarter and to half of the rows and scored on the others, until the deadline of the search;
    without time for it, this is noted in the search. The error with k times the rows is forecast as error * k^-b; the
    exponent b is that of the measured errors, shrunk towards that of other languages. 95% intervals are from the
    posterior of the score and of b. They held the later score of other rows in the share of cases that
    docs/guides/label.md gives.
    """
    rows = chosen.space.encoded.shots
    if chosen.logits is None or rows is None:
        return LearningCurve()
    measured = list(_measure(search, chosen, rows))
    if not measured:
        return LearningCurve()
    gold = class_ids(dataset, dataset.shots.examples).numpy()
    now = arm_estimate(dataset, chosen, shares, optimism)
    points = [_point(one, gold, rows.groups, search, shares, optimism) for one in measured]
    points.append(_forecast(len(gold), now, measured=True))
    full = _full(search, chosen)
    slope, error = _slope([*measured, full], gold, rows.groups, search, shares)
    exponent, spread = _shrunk(slope, error)
    points += [_ahead(now, len(gold), times, times * len(gold) / full.rows, exponent, spread) for times in TIMES]
    return LearningCurve(
        points=tuple(points), rows_to_gain=_rows_to_gain(now.score, full.rows, len(gold), exponent, spread)
    )


def _measure(search: Search, chosen: Candidate, rows: Rows) -> Iterator[Measured]:
    strata = strata_of(rows.labels.tolist())
    for parts in PARTS:
        if len(rows.labels) < FEWEST * parts:
            continue
        predicted, held_out = [], []
        for repeat in range(REPEATS[parts]):
            part_of = np.array(stratified_group_folds(strata, [f"{repeat}{group}" for group in rows.groups], parts))
            for part in range(int(part_of.max()) + 1):
                if time.monotonic() > search.deadline:
                    search.skipped.append("the learning curve")
                    return
                left = part_of != part
                logits = _logits(search, chosen, rows, np.flatnonzero(~left), np.flatnonzero(left))
                predicted.append(_predicted(search.problem, logits))
                held_out.append(left)
        yield Measured(rows=len(rows.labels) / parts, predicted=np.array(predicted), held_out=np.array(held_out))


def _logits(search: Search, chosen: Candidate, rows: Rows, kept: np.ndarray, left: np.ndarray) -> np.ndarray:
    """[all rows, classes], -inf for those that were not left out. Groups of rows to score are not trained on."""
    encoded, groups = chosen.space.encoded, {rows.groups[int(row)] for row in left}
    english = without_groups(encoded.english, groups)
    head = fit_head(
        chosen.arm, chosen.prepared, english, rows.subset(kept.tolist()), search.classes, encoded.unlabelled
    )
    logits = np.full((len(rows.labels), search.classes), -np.inf)
    scored = rows.subset(left.tolist())
    logits[left] = head.logits(scored.vectors, scored.subwords).numpy()
    return logits


def _predicted(problem: str, logits: np.ndarray) -> np.ndarray:
    return (logits > 0).astype(int) if problem == "multi-label" else logits.argmax(1)


def _full(search: Search, chosen: Candidate) -> Measured:
    """The cross-validation of the arm as it is."""
    assert chosen.logits is not None and search.folds is not None
    logits, folds = np.nan_to_num(chosen.logits, nan=-np.inf), len(set(search.folds))
    predicted = _predicted(search.problem, logits)[None]
    held_out = np.ones((1, len(logits)), bool)
    return Measured(rows=len(logits) * (1 - 1 / folds), predicted=predicted, held_out=held_out)


def _point(
    one: Measured, gold: np.ndarray, groups: Sequence[str], search: Search, shares: np.ndarray | None, optimism: float
) -> Forecast:
    fits = one.held_out.sum(0)
    if search.problem == "multi-label":
        counts = sum(
            label_counts(gold, predicted) * left[:, None]
            for predicted, left in zip(one.predicted, one.held_out, strict=True)
        )
        estimate = estimate_sets(counts / np.maximum(fits, 1)[:, None], groups, optimism=optimism)
    else:
        weights = 1 / np.maximum(fits, 1)
        matrix = _confusion(one, gold, weights, search.classes)
        result = posterior(matrix, shares=shares, effective=len(set(groups)) / len(gold))
        estimate = result.estimate(SCORES[METRICS[search.problem][0]], optimism=optimism)
    return _forecast(round(one.rows), estimate, measured=True)


def _confusion(one: Measured, gold: np.ndarray, weights: np.ndarray, classes: int) -> np.ndarray:
    """[gold, predicted] of all fits, with weights [all rows]."""
    cells = gold * classes + one.predicted
    spread = np.broadcast_to(weights, cells.shape)
    counts = np.bincount(cells[one.held_out], spread[one.held_out], minlength=classes * classes)
    return counts.reshape(classes, classes)


def _score(one: Measured, gold: np.ndarray, weights: np.ndarray, search: Search, shares: np.ndarray | None) -> float:
    """The score with weights [all rows]."""
    if search.problem == "multi-label":
        counts = np.stack([label_counts(gold, predicted) for predicted in one.predicted])
        return float(micro_f1((counts * (one.held_out * weights)[..., None]).sum((0, 1))))
    matrix = _confusion(one, gold, weights, search.classes)
    if shares is not None:
        matrix = matrix / np.maximum(matrix.sum(1, keepdims=True), 1e-30) * shares[:, None]
    return float(SCORES[METRICS[search.problem][0]](matrix))


def _slope(
    measured: list[Measured], gold: np.ndarray, groups: Sequence[str], search: Search, shares: np.ndarray | None
) -> tuple[float, float]:
    """The exponent b of error = a * rows^-b by least squares in logarithms, and its standard error, by the Bayesian
    bootstrap over groups."""
    rng = np.random.default_rng(0)
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    x = np.log([one.rows for one in measured])
    centred = x - x.mean()

    def exponent(weights: np.ndarray) -> float:
        errors = [1 - _score(one, gold, weights, search, shares) for one in measured]
        return float(-centred @ np.log(np.maximum(errors, 1 / (2 * len(gold)))) / (centred @ centred))

    drawn = [exponent(rng.exponential(size=numbers.max() + 1)[numbers]) for _ in range(BOOTSTRAP)]
    return exponent(np.ones(len(gold))), float(np.std(drawn))


def _shrunk(slope: float, error: float) -> tuple[float, float]:
    """Mean and standard deviation of the exponent's posterior, with a normal prior and likelihood."""
    weight = 1 / (SLOPE_ERROR * max(error, 1e-6)) ** 2
    precision = 1 / SPREAD**2 + weight
    return (EXPONENT / SPREAD**2 + slope * weight) / precision, precision**-0.5


def _ahead(now: Estimate, rows: int, times: int, ratio: float, exponent: float, spread: float) -> Forecast:
    """The forecast for `times` the rows; `ratio` is to the rows that the models of the cross-validation had."""
    rng = np.random.default_rng(0)
    low, middle, high = (float(logit(np.clip(value, 1e-3, 1 - 1e-3))) for value in (now.low, now.score, now.high))
    level = expit(middle + (high - low) / 3.92 * rng.standard_normal(SAMPLES))
    drawn = 1 - (1 - level) * ratio ** -(exponent + spread * rng.standard_normal(SAMPLES))
    drawn += DRAWS * rng.standard_normal(SAMPLES)
    ends = np.percentile(drawn, (2.5, 97.5))
    score = 1 - (1 - now.score) * ratio**-exponent
    return Forecast(
        rows=rows * times,
        score=float(np.clip(score, 0, 1)),
        low=float(np.clip(min(ends[0], score), 0, 1)),
        high=float(np.clip(max(ends[1], score), 0, 1)),
        measured=False,
    )


def _rows_to_gain(score: float, fitted: float, rows: int, exponent: float, spread: float) -> int | None:
    """None if the error is below `GAIN`, the exponent may be 0, or more rows than forecast for would be needed."""
    error = 1 - score
    if error <= GAIN or exponent <= 0 or exponent < SURE * spread:
        return None
    needed = fitted * (error / (error - GAIN)) ** (1 / exponent)
    return None if needed > max(TIMES) * rows else max(1, round(needed - rows))


def _forecast(rows: int, estimate: Estimate, *, measured: bool) -> Forecast:
    return Forecast(rows=rows, score=estimate.score, low=estimate.low, high=estimate.high, measured=measured)
