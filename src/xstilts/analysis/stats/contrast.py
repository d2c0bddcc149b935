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
    combine_tasks,
    critical_value,
    equivalent_degrees_of_freedom,
    p_value,
    task_variance,
)
from xstilts.errors import UserError
from xstilts.metrics import Metric
from xstilts.metrics import metric as load_metric

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
    scorer = load_metric(metric)
    grid = shared_grid(terms, languages)
    sums = [language_sums(terms, scorer, language, grid) for language in grid.languages]
    return contrast_of_sums(scorer, sums, grid, resamples, seed)


def pooled(contrasts: Sequence[TaskContrast], weights: Sequence[float] | None = None) -> Estimate:
    """The mean of contrasts on several tasks, or their weighted sum if `weights` are given.

    Tasks are fixed effects, like languages. A seed is used for the runs of all tasks, so seeds are one sample for all
    of them; items and draws are separate samples for each task. With one task the result equals `contrast`.

    Raises UserError if there is no contrast, or tasks were run with different seeds.
    """
    if not contrasts:
        raise UserError("nothing to pool: no task", "give at least one task")
    if len({contrast.seeds for contrast in contrasts}) > 1:
        raise UserError("the pooled tasks were run with different seeds", "finish the missing runs")
    if weights is None:
        weights = [1 / len(contrasts)] * len(contrasts)
    value = float(np.dot(weights, [contrast.value for contrast in contrasts]))
    components = combine_tasks([contrast.variance for contrast in contrasts], weights)
    critical, error = critical_value(components, LEVEL), float(np.sqrt(components.total))
    dof = equivalent_degrees_of_freedom(critical, LEVEL)
    seed_share, draw_share, item_share = components.shares
    return Estimate(
        value=value,
        low=value - critical * error,
        high=value + critical * error,
        standard_error=error,
        degrees_of_freedom=dof,
        p_value=p_value(components, value),
        minimum_detectable_effect=error * float(critical + special.stdtrit(dof, POWER)),
        seed_share=seed_share,
        draw_share=draw_share,
        item_share=item_share,
        seeds=len(contrasts[0].seeds),
        draws=max(contrast.draws for contrast in contrasts),
        groups=sum(contrast.groups for contrast in contrasts),
        items=sum(contrast.items for contrast in contrasts),
        languages=tuple(sorted({language for contrast in contrasts for language in contrast.languages})),
    )


def estimate_of_sums(metric: Metric, sums: Sequence[LanguageSums], grid: Grid, resamples: int, seed: int) -> Estimate:
    """The contrast of already paired sums, one `LanguageSums` per language of the grid."""
    return pooled([contrast_of_sums(metric, sums, grid, resamples, seed)])


def contrast_of_sums(
    metric: Metric, sums: Sequence[LanguageSums], grid: Grid, resamples: int, seed: int
) -> TaskContrast:
    """As `estimate_of_sums`, but for `pooled`."""
    values = contrast_values(metric, sums)
    deviations = resampled_deviations(metric, sums, resamples, seed)
    if is_parallel(sums):
        values, deviations = values.mean(axis=0, keepdims=True), deviations.mean(axis=1, keepdims=True)
    return TaskContrast(
        value=float(values.mean()),
        variance=task_variance(values, deviations, group_degrees_of_freedom(sums)),
        seeds=grid.seeds,
        draws=0 if grid.draws == (None,) else len(grid.draws),
        groups=len({name for language in sums for name in language.groups}),
        items=int(sum(language.sizes.sum() for language in sums)),
        languages=grid.languages,
    )


def arm_interval(
    arm: ArmItems, metric: str, language: str | None = None, *, resamples: int = 10_000, seed: int = 0
) -> Estimate:
    """The mean of one arm in one language, or over all languages; the interval is clipped to [0, 1]."""
    languages = None if language is None else [language]
    estimate = contrast([(1.0, arm)], metric, languages=languages, resamples=resamples, seed=seed)
    return replace(estimate, low=max(0.0, estimate.low), high=min(1.0, estimate.high))


def cell_means(arm: ArmItems, metric: str) -> pl.DataFrame:
    """The score of every run: columns language, seed, draw, value."""
    scorer = load_metric(metric)
    rows = [
        (language, seed, draw, scorer.score(frame))
        for language, runs in arm.items()
        for (seed, draw), frame in runs.items()
    ]
    schema = {"language": pl.String, "seed": pl.Int64, "draw": pl.Int64, "value": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("language", "seed", "draw")
