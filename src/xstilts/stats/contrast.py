"""The estimate of a weighted sum of arms, with what is uncertain about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy import special

from xstilts.metrics import Metric
from xstilts.metrics import metric as metric_named
from xstilts.stats.cells import (
    ArmItems,
    Axes,
    LanguageSums,
    Terms,
    axes,
    group_degrees_of_freedom,
    language_sums,
    parallel,
    resampled_deviations,
    scores,
)
from xstilts.stats.variance import (
    components,
    critical_value,
    equivalent_degrees_of_freedom,
    p_value,
)

LEVEL = 0.05
POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A contrast or a mean in units of the metric (0 to 1), with its 95% interval over seeds, draws and groups."""

    value: float
    low: float
    high: float
    standard_error: float
    degrees_of_freedom: float
    """Of the t distribution whose quantile the interval uses; at most a million."""
    p_value: float
    """Two-sided, against 0."""
    smallest_detectable: float
    """The true difference that this design would call different from 0 at the 5% level in 80% of repetitions."""
    seed_share: float
    """The part of the squared standard error that comes from seeds; with draw_share and item_share it adds to 1."""
    draw_share: float
    item_share: float
    seeds: int
    draws: int
    """0 where no arm has draws."""
    groups: int
    """Distinct groups over all languages."""
    items: int
    """Items of one run, over all languages."""
    languages: tuple[str, ...]

    @property
    def indicative(self) -> bool:
        """Fewer than three seeds: the interval says little or nothing about another seed."""
        return self.seeds < 3


def contrast(
    terms: Terms, metric: str, *, languages: Sequence[str] | None = None, resamples: int = 10_000, seed: int = 0
) -> Estimate:
    """The sum of weight x arm mean: (+1, -1) for a difference, (+1, -1, -1, +1) for an interaction.

    An arm's mean is taken over draws and seeds, then over languages (all of them unless named). Runs are paired by seed
    and draw, items by id; a cell without draws pairs with every draw. Languages are fixed. Seeds are one sample for all
    arms and languages, groups one for all languages that share them, draws one for each language, or one for all where
    the data are parallel (see `parallel`).

    Raises UserError where an arm lacks a run, runs have different items, or a language has fewer than two groups.
    """
    scored = metric_named(metric)
    grid = axes(terms, languages)
    parts = [language_sums(terms, scored, language, grid) for language in grid.languages]
    return estimate(scored, parts, grid, resamples, seed)


def estimate(metric: Metric, parts: Sequence[LanguageSums], grid: Axes, resamples: int, seed: int) -> Estimate:
    """The contrast of sums that are paired already, one part for each language of the grid."""
    values = scores(metric, parts)
    moved = resampled_deviations(metric, parts, resamples, seed)
    if parallel(parts):
        values, moved = values.mean(axis=0, keepdims=True), moved.mean(axis=1, keepdims=True)
    value = float(values.mean())
    uncertain = components(values, moved, group_degrees_of_freedom(parts))
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
        smallest_detectable=error * float(critical + special.stdtrit(freedom, POWER)),
        seed_share=seed_share,
        draw_share=draw_share,
        item_share=item_share,
        seeds=len(grid.seeds),
        draws=0 if grid.draws == (None,) else len(grid.draws),
        groups=len({name for part in parts for name in part.groups}),
        items=int(sum(part.sizes.sum() for part in parts)),
        languages=grid.languages,
    )


def arm_interval(
    arm: ArmItems, metric: str, language: str | None = None, *, resamples: int = 10_000, seed: int = 0
) -> Estimate:
    """The mean of one arm, in one language or over all, with its interval cut at 0 and 1."""
    languages = None if language is None else [language]
    whole = contrast([(1.0, arm)], metric, languages=languages, resamples=resamples, seed=seed)
    return replace(whole, low=max(0.0, whole.low), high=min(1.0, whole.high))


def cell_means(arm: ArmItems, metric: str) -> pl.DataFrame:
    """The score of every run: columns language, seed, draw, value."""
    scored = metric_named(metric)
    rows = [
        (language, seed, draw, scored.score(frame))
        for language, cells in arm.items()
        for (seed, draw), frame in cells.items()
    ]
    schema = {"language": pl.String, "seed": pl.Int64, "draw": pl.Int64, "value": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("language", "seed", "draw")
