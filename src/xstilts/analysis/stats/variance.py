"""The variance of a mean over crossed seeds, draws and groups, and t intervals for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceComponent:
    """One component of the variance of the mean, with its degrees of freedom."""

    variance: float
    degrees_of_freedom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceComponents:
    seeds: VarianceComponent
    draws: VarianceComponent
    items: VarianceComponent

    @property
    def total(self) -> float:
        return self.seeds.variance + self.draws.variance + self.items.variance

    @property
    def shares(self) -> tuple[float, float, float]:
        """The shares of seeds, draws and items in the variance; all 0 if the variance is 0."""
        total = self.total or 1.0
        return self.seeds.variance / total, self.draws.variance / total, self.items.variance / total


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskVariance:
    """The variance of the mean of one task."""

    by_seed: np.ndarray
    """Means over languages and draws [seeds]."""
    draws: VarianceComponent
    seeds_and_draws: float
    """The variance of the seed-draw interaction, which `draws` includes."""
    items: VarianceComponent
    """May be estimated below 0."""


def variance_components(
    scores: np.ndarray, deviations: np.ndarray, group_degrees_of_freedom: float
) -> VarianceComponents:
    """Variance components of the mean of `scores` [languages, seeds, draws], from a crossed random-effects analysis.

    `deviations` [resamples, languages, seeds, draws] are the deviations of the scores when items are resampled. Mean
    squares are added and subtracted as in multiway clustering (Cameron, Gelbach and Miller 2011). An interaction is
    assigned to the factor with fewer degrees of freedom, so that the better estimated mean square is subtracted. With
    one seed, the component of seeds is 0.
    """
    return combine_tasks([task_variance(scores, deviations, group_degrees_of_freedom)], [1.0])


def task_variance(scores: np.ndarray, deviations: np.ndarray, group_degrees_of_freedom: float) -> TaskVariance:
    """The variance of one task; the arguments are those of `variance_components`."""
    _, draws, seeds_and_draws = (float(mean_square) for mean_square in _mean_squares(scores))
    seeds_items, draws_items, all_three = (mean_square.mean() for mean_square in _mean_squares(deviations))
    items = float(deviations.mean(axis=(1, 2, 3)).var() - seeds_items - draws_items + all_three)
    return TaskVariance(
        by_seed=scores.mean(axis=(0, 2)),
        draws=VarianceComponent(variance=draws, degrees_of_freedom=_draw_degrees_of_freedom(scores)),
        seeds_and_draws=seeds_and_draws,
        items=VarianceComponent(variance=items, degrees_of_freedom=group_degrees_of_freedom),
    )


def combine_tasks(tasks: Sequence[TaskVariance], weights: Sequence[float]) -> VarianceComponents:
    """The variance of a weighted sum of tasks: seeds are one sample for all tasks, draws and items one per task."""
    by_seed = np.dot(weights, np.stack([task.by_seed for task in tasks]))
    seeds = float(by_seed.var(ddof=min(1, len(by_seed) - 1)) / len(by_seed))
    seed_dof = max(1.0, len(by_seed) - 1.0)
    squares = np.square(weights)
    seeds_and_draws = float(np.dot(squares, [task.seeds_and_draws for task in tasks]))
    draws = _sum_of_independent([task.draws for task in tasks], squares)
    items = _sum_of_independent([task.items for task in tasks], squares)
    if seed_dof <= draws.degrees_of_freedom:
        draws = replace(draws, variance=draws.variance - seeds_and_draws)
    else:
        seeds -= seeds_and_draws
    return VarianceComponents(
        seeds=VarianceComponent(variance=max(0.0, seeds), degrees_of_freedom=seed_dof),
        draws=replace(draws, variance=max(0.0, draws.variance)),
        items=replace(items, variance=max(0.0, items.variance)),
    )


def _sum_of_independent(components: Sequence[VarianceComponent], squares: np.ndarray) -> VarianceComponent:
    """The variance of a weighted sum of independent terms, with degrees of freedom after Satterthwaite (1946).

    `squares` are the squared weights.
    """
    variances = squares * [component.variance for component in components]
    dofs = np.array([component.degrees_of_freedom for component in components])
    positive = variances > 0
    squared = (variances[positive] ** 2 / dofs[positive]).sum()
    dof = variances[positive].sum() ** 2 / squared if squared else dofs.max()
    return VarianceComponent(variance=float(variances.sum()), degrees_of_freedom=float(dof))


def _mean_squares(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimated variances of the mean due to seeds, to draws within languages, and to their interaction,
    for scores [..., languages, seeds, draws]."""
    languages, seeds, draws = scores.shape[-3:]
    by_seed = scores.mean(axis=(-3, -1))
    by_draw = scores.mean(axis=-2)
    draw_effects = (by_draw - by_draw.mean(axis=-1, keepdims=True))[..., None, :]
    residuals = scores - scores.mean(axis=-1, keepdims=True) - draw_effects
    dof = max(1, (seeds - 1) * (draws - 1))
    return (
        by_seed.var(axis=-1, ddof=min(1, seeds - 1)) / seeds,
        by_draw.var(axis=-1, ddof=min(1, draws - 1)).sum(axis=-1) / draws / languages**2,
        (residuals**2).sum(axis=(-3, -2, -1)) / dof / (seeds * draws) / languages**2,
    )


def _draw_degrees_of_freedom(scores: np.ndarray) -> float:
    """Satterthwaite over languages, whose draws are independent, with an unbiased estimate of each squared variance."""
    languages, _, draws = scores.shape
    variances = scores.mean(axis=1).var(axis=-1)
    if draws < 2 or not variances.any():
        return float(max(1, languages * (draws - 1)))
    dof = variances.sum() ** 2 * (draws + 1) / (variances**2).sum() - 2
    return float(np.clip(dof, draws - 1, languages * (draws - 1)))


def critical_value(components: VarianceComponents, level: float) -> float:
    """The two-sided t quantile: the quantiles of the components, averaged by their shares of the variance (Cochran and
    Cox 1950, for the Behrens-Fisher problem). Exact if one component dominates, slightly conservative otherwise."""
    dofs = [component.degrees_of_freedom for component in (components.seeds, components.draws, components.items)]
    return float(np.dot(components.shares, -special.stdtrit(dofs, level / 2)))


def p_value(components: VarianceComponents, value: float) -> float:
    """Two-sided p value for 0: the level at which the interval just reaches 0; at least 1e-100 if there is variance."""
    if value == 0 or components.total == 0:
        return float(value == 0)
    ratio = abs(value) / np.sqrt(components.total)
    return _invert_decreasing(lambda level: critical_value(components, level), ratio, -100.0, 0.0)


def equivalent_degrees_of_freedom(critical: float, level: float) -> float:
    """Degrees of freedom of the t distribution with this critical value; at most a million."""
    return _invert_decreasing(lambda dof: -float(special.stdtrit(dof, level / 2)), critical, 0.0, 6.0)


def _invert_decreasing(function: Callable[[float], float], target: float, low: float, high: float) -> float:
    """The argument between 10^low and 10^high at which a decreasing function has the target value, or the nearer
    end."""
    if function(10.0**low) <= target:
        return 10.0**low
    if function(10.0**high) >= target:
        return 10.0**high
    solution = optimize.root_scalar(lambda power: function(10.0**power) - target, bracket=(low, high), xtol=1e-13)
    return float(10.0**solution.root)
