"""Estimates of contrasts (weighted sums of arms) with confidence intervals and p values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy import special

from xstilts.analysis.stats.resampling import (
    ArmItems,
    Grid,
    LanguageSums,
    Terms,
    contrast_values,
    group_degrees_of_freedom,
    is_parallel,
    language_sums,
    resampled_deviations,
    shared_grid,
)
from xstilts.analysis.stats.variance import (
    TaskVariance,
    VarianceComponents,
    combine_tasks,
    critical_value,
    equivalent_degrees_of_freedom,
    p_value,
    task_variance,
)
from xstilts.errors import UserError
from xstilts.metrics import Metric
from xstilts.metrics import metric as metric_named

LEVEL = 0.05
POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A contrast or a mean in units of the metric (0 to 1), with its 95% CI over seeds, draws and groups of items."""

    value: float
    low: float
    high: float
    standard_error: float
    degrees_of_freedom: float
    """Degrees of freedom of the t distribution behind the interval; at most a million."""
    p_value: float
    """Two-sided, for the null hypothesis of 0."""
    minimum_detectable_effect: float
    """The true difference that this design detects with 80% power at the 5% level."""
    seed_share: float
    """The share of the squared standard error due to seeds; seed_share + draw_share + item_share = 1."""
    draw_share: float
    item_share: float
    seeds: int
    draws: int
    """0 if no arm has draws."""
    groups: int
    """Distinct groups over all languages, summed over tasks."""
    items: int
    """Items per run, over all languages and tasks."""
    languages: tuple[str, ...]

    @property
    def indicative(self) -> bool:
        """Whether there are fewer than three seeds, too few to estimate the variance between seeds."""
        return self.seeds < 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContrast:
    """A contrast on one task, to be pooled with those of other tasks."""

    value: float
    variance: TaskVariance
    seeds: tuple[int, ...]
    draws: int
    groups: int
    items: int
    languages: tuple[str, ...]


def contrast(
    terms: Terms, metric: str, *, languages: Sequence[str] | None = None, resamples: int = 10_000, seed: int = 0
) -> Estimate:
    """The weighted sum of arm means: weights (+1, -1) for a difference, (+1, -1, -1, +1) for an interaction.

    An arm's mean is over draws and seeds, then over `languages` (default: all). Runs are paired by seed and draw, items
    by id; a run without draws is paired with every draw. Languages are fixed effects. Seeds are one sample for all arms
    and languages. Groups are one sample for all languages that share them. Draws are one sample per language, or one
    for all languages if the data are parallel (see `is_parallel`).

    Raises UserError if an arm lacks a run, runs have different items, or a language has fewer than two groups.
    """
    return pooled([task_contrast(terms, metric, languages=languages, resamples=resamples, seed=seed)])


def task_contrast(
    terms: Terms, metric: str, *, languages: Sequence[str] | None = None, resamples: int = 10_000, seed: int = 0
) -> TaskContrast:
    """The contrast of one task for `pooled`; arguments and errors as for `contrast`."""
    scorer = metric_named(metric)
    grid = shared_grid(terms, languages)
    sums = [language_sums(terms, scorer, language, grid) for language in grid.languages]
    return contrast_of_sums(scorer, sums, grid, resamples, seed)


def pooled(parts: Sequence[TaskContrast], weights: Sequence[float] | None = None) -> Estimate:
    """The mean of contrasts on several tasks, or their weighted sum if `weights` are given.

    Tasks are fixed effects, like languages. A seed is used for the runs of all tasks, so seeds are one sample for all
    of them; items and draws are separate samples for each task. With one part the result equals `contrast`.

    Raises UserError if there is no part, or tasks were run with different seeds.
    """
    if not parts:
        raise UserError("nothing to pool: no task", "give at least one task")
    if len({part.seeds for part in parts}) > 1:
        raise UserError("the pooled tasks were run with different seeds", "finish the missing runs")
    shares = [1 / len(parts)] * len(parts) if weights is None else list(weights)
    value = float(np.dot(shares, [part.value for part in parts]))
    return _estimate(value, combine_tasks([part.variance for part in parts], shares), parts)


def estimate_of_sums(metric: Metric, sums: Sequence[LanguageSums], grid: Grid, resamples: int, seed: int) -> Estimate:
    """The contrast of sums that are already paired, one per language of the grid."""
    return pooled([contrast_of_sums(metric, sums, grid, resamples, seed)])


def contrast_of_sums(
    metric: Metric, sums: Sequence[LanguageSums], grid: Grid, resamples: int, seed: int
) -> TaskContrast:
    """The same as `estimate_of_sums`, for `pooled`."""
    values = contrast_values(metric, sums)
    deviations = resampled_deviations(metric, sums, resamples, seed)
    if is_parallel(sums):
        values, deviations = values.mean(axis=0, keepdims=True), deviations.mean(axis=1, keepdims=True)
    return TaskContrast(
        value=float(values.mean()),
        variance=task_variance(values, deviations, group_degrees_of_freedom(sums)),
        seeds=grid.seeds,
        draws=0 if grid.draws == (None,) else len(grid.draws),
        groups=len({name for one in sums for name in one.groups}),
        items=int(sum(one.sizes.sum() for one in sums)),
        languages=grid.languages,
    )


def _estimate(value: float, uncertain: VarianceComponents, parts: Sequence[TaskContrast]) -> Estimate:
    critical, error = critical_value(uncertain, LEVEL), float(np.sqrt(uncertain.total))
    freedom = equivalent_degrees_of_freedom(critical, LEVEL)
    seed_share, draw_share, item_share = uncertain.shares
    return Estimate(
        value=value,
        low=value - critical * error,
        high=value + critical * error,
        standard_error=error,
        degrees_of_freedom=freedom,
        p_value=p_value(uncertain, value),
        minimum_detectable_effect=error * float(critical + special.stdtrit(freedom, POWER)),
        seed_share=seed_share,
        draw_share=draw_share,
        item_share=item_share,
        seeds=len(parts[0].seeds),
        draws=max(part.draws for part in parts),
        groups=sum(part.groups for part in parts),
        items=sum(part.items for part in parts),
        languages=tuple(sorted({language for part in parts for language in part.languages})),
    )


def arm_interval(
    arm: ArmItems, metric: str, language: str | None = None, *, resamples: int = 10_000, seed: int = 0
) -> Estimate:
    """The mean of one arm in one language, or over all languages; the interval is clipped to [0, 1]."""
    languages = None if language is None else [language]
    whole = contrast([(1.0, arm)], metric, languages=languages, resamples=resamples, seed=seed)
    return replace(whole, low=max(0.0, whole.low), high=min(1.0, whole.high))


def cell_means(arm: ArmItems, metric: str) -> pl.DataFrame:
    """The score of every run: columns language, seed, draw, value."""
    scorer = metric_named(metric)
    rows = [
        (language, seed, draw, scorer.score(frame))
        for language, cells in arm.items()
        for (seed, draw), frame in cells.items()
    ]
    schema = {"language": pl.String, "seed": pl.Int64, "draw": pl.Int64, "value": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("language", "seed", "draw")
