"""The variance of a mean over crossed seeds, draws and groups, and t intervals for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of the variance of the mean, with the degrees of freedom it was estimated with."""

    variance: float
    degrees_of_freedom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    seeds: Component
    draws: Component
    items: Component

    @property
    def total(self) -> float:
        return self.seeds.variance + self.draws.variance + self.items.variance

    @property
    def shares(self) -> tuple[float, float, float]:
        """Of seeds, draws and items in the variance; all 0 where there is none."""
        total = self.total or 1.0
        return self.seeds.variance / total, self.draws.variance / total, self.items.variance / total


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What the mean of one task varies with. `by_seed` [seeds] are its means over languages and draws."""

    by_seed: np.ndarray
    draws: Component
    seeds_and_draws: float
    """The variance that draws and seeds share: part of that of draws as it stands."""
    items: Component
    """Below 0 where it could not be told from 0."""


def components(scores: np.ndarray, deviations: np.ndarray, group_degrees_of_freedom: float) -> Components:
    """The variance of the mean of `scores` [languages, seeds, draws] as a crossed random-effects analysis splits it.

    `deviations` [resamples, languages, seeds, draws] say how the scores move with the items. Mean squares are added and
    subtracted as in the multiway clustering of Cameron, Gelbach and Miller (2011). An interaction belongs to the factor
    with fewer degrees of freedom, so that what is subtracted is the better known. One seed: its part is 0.
    """
    return combined([spread(scores, deviations, group_degrees_of_freedom)], [1.0])


def spread(scores: np.ndarray, deviations: np.ndarray, group_degrees_of_freedom: float) -> Spread:
    """What is known of one task; the arguments are those of `components`."""
    _, draws, both = (float(part) for part in _mean_squares(scores))
    seeds_items, draws_items, all_three = (part.mean() for part in _mean_squares(deviations))
    items = float(deviations.mean(axis=(1, 2, 3)).var() - seeds_items - draws_items + all_three)
    return Spread(
        by_seed=scores.mean(axis=(0, 2)),
        draws=Component(variance=draws, degrees_of_freedom=_draw_degrees(scores)),
        seeds_and_draws=both,
        items=Component(variance=items, degrees_of_freedom=group_degrees_of_freedom),
    )


def combined(spreads: Sequence[Spread], weights: Sequence[float]) -> Components:
    """The variance of a weighted sum of tasks: seeds are one sample for all of them, draws and items one for each."""
    by_seed = np.dot(weights, np.stack([task.by_seed for task in spreads]))
    seeds, seed_freedom = _of_the_mean(by_seed), max(1.0, len(by_seed) - 1.0)
    squares = np.square(weights)
    both = float(np.dot(squares, [task.seeds_and_draws for task in spreads]))
    draws, items = (_summed([getattr(task, name) for task in spreads], squares) for name in ("draws", "items"))
    if seed_freedom <= draws.degrees_of_freedom:
        draws = replace(draws, variance=draws.variance - both)
    else:
        seeds -= both
    return Components(
        seeds=Component(variance=max(0.0, seeds), degrees_of_freedom=seed_freedom),
        draws=replace(draws, variance=max(0.0, draws.variance)),
        items=replace(items, variance=max(0.0, items.variance)),
    )


def _of_the_mean(values: np.ndarray) -> float:
    return float(values.var(ddof=min(1, len(values) - 1)) / len(values))


def _summed(parts: Sequence[Component], squares: np.ndarray) -> Component:
    """The variance of a sum of independent parts, with degrees of freedom by Satterthwaite (1946)."""
    each = squares * [part.variance for part in parts]
    freedoms = np.array([part.degrees_of_freedom for part in parts])
    there = each > 0
    squared = (each[there] ** 2 / freedoms[there]).sum()
    freedom = each[there].sum() ** 2 / squared if squared else freedoms.max()
    return Component(variance=float(each.sum()), degrees_of_freedom=float(freedom))


def _mean_squares(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimated variances of the mean from its spread over seeds, over draws within languages, and over both;
    for scores [..., languages, seeds, draws]."""
    languages, seeds, draws = scores.shape[-3:]
    by_seed = scores.mean(axis=(-3, -1))
    by_draw = scores.mean(axis=-2)
    rest = scores - scores.mean(axis=-1, keepdims=True) - (by_draw - by_draw.mean(axis=-1, keepdims=True))[..., None, :]
    freedom = max(1, (seeds - 1) * (draws - 1))
    return (
        by_seed.var(axis=-1, ddof=min(1, seeds - 1)) / seeds,
        by_draw.var(axis=-1, ddof=min(1, draws - 1)).sum(axis=-1) / draws / languages**2,
        (rest**2).sum(axis=(-3, -2, -1)) / freedom / (seeds * draws) / languages**2,
    )


def _draw_degrees(scores: np.ndarray) -> float:
    """Satterthwaite over languages, whose draws are independent; each square is estimated without bias."""
    languages, _, draws = scores.shape
    each = scores.mean(axis=1).var(axis=-1)
    if draws < 2 or not each.any():
        return float(max(1, languages * (draws - 1)))
    pooled = each.sum() ** 2 * (draws + 1) / (each**2).sum() - 2
    return float(np.clip(pooled, draws - 1, languages * (draws - 1)))


def critical_value(parts: Components, level: float) -> float:
    """The two-sided t quantile: that of each component, averaged by its share of the variance (Cochran and Cox 1950,
    for the Behrens-Fisher problem). Exact where one component dominates, somewhat too wide in between."""
    freedoms = (parts.seeds, parts.draws, parts.items)
    quantiles = -special.stdtrit([part.degrees_of_freedom for part in freedoms], level / 2)
    return float(np.dot(parts.shares, quantiles))


def p_value(parts: Components, value: float) -> float:
    """Two-sided, against 0: the level at which the interval just reaches 0; at least 1e-100 where there is variance."""
    if value == 0 or parts.total == 0:
        return float(value == 0)
    ratio = abs(value) / np.sqrt(parts.total)
    return _solve(lambda level: critical_value(parts, level), ratio, -100.0, 0.0)


def equivalent_degrees_of_freedom(critical: float, level: float) -> float:
    """Of the t distribution that has this critical value; at most a million."""
    return _solve(lambda freedom: -float(special.stdtrit(freedom, level / 2)), critical, 0.0, 6.0)


def _solve(falling: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """Where a falling function has the wanted value, between 10^low and 10^high, or the nearer end."""
    if falling(10.0**low) <= wanted:
        return 10.0**low
    if falling(10.0**high) >= wanted:
        return 10.0**high
    found = optimize.root_scalar(lambda power: falling(10.0**power) - wanted, bracket=(low, high), xtol=1e-13)
    return float(10.0**found.root)
