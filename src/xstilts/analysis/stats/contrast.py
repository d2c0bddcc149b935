"""The estimate of a weighted sum of arms, with what is uncertain about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy import special

from xstilts.analysis.stats.cells import (
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
from xstilts.analysis.stats.variance import (
    Components,
    Spread,
    combined,
    critical_value,
    equivalent_degrees_of_freedom,
    p_value,
    spread,
)
from xstilts.errors import UserError
from xstilts.metrics import Metric
from xstilts.metrics import metric as metric_named

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
    """Distinct groups over all languages, summed over tasks."""
    items: int
    """Items of one run, over all languages and tasks."""
    languages: tuple[str, ...]

    @property
    def indicative(self) -> bool:
        """Fewer than three seeds: the interval says little or nothing about another seed."""
        return self.seeds < 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A contrast on one task, ready to be pooled with those of other tasks."""

    value: float
    spread: Spread
    seeds: tuple[int, ...]
    draws: int
    groups: int
    items: int
    languages: tuple[str, ...]


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
    return pooled([part(terms, metric, languages=languages, resamples=resamples, seed=seed)])


def part(
    terms: Terms, metric: str, *, languages: Sequence[str] | None = None, resamples: int = 10_000, seed: int = 0
) -> Part:
    """The contrast of one task, as `contrast` takes it, for `pooled`. Raises UserError as that does."""
    scored = metric_named(metric)
    grid = axes(terms, languages)
    sums = [language_sums(terms, scored, language, grid) for language in grid.languages]
    return part_of(scored, sums, grid, resamples, seed)


def pooled(parts: Sequence[Part], weights: Sequence[float] | None = None) -> Estimate:
    """The weighted sum of contrasts on several tasks, their mean if no weights are given.

    Tasks are fixed, as languages are. A seed reseeds the chains of all tasks, so seeds are one sample for all of them;
    the items and the draws of each task are samples of their own. One part: the same as `contrast`.

    Raises UserError where there is no part, or tasks were run with different seeds.
    """
    if not parts:
        raise UserError("nothing to pool: no task", "Name at least one task.")
    if len({part.seeds for part in parts}) > 1:
        raise UserError("the tasks that are pooled were run with different seeds", "Finish the runs that are missing.")
    shares = [1 / len(parts)] * len(parts) if weights is None else list(weights)
    value = float(np.dot(shares, [part.value for part in parts]))
    return _estimate(value, combined([part.spread for part in parts], shares), parts)


def estimate(metric: Metric, sums: Sequence[LanguageSums], grid: Axes, resamples: int, seed: int) -> Estimate:
    """The contrast of sums that are paired already, one for each language of the grid."""
    return pooled([part_of(metric, sums, grid, resamples, seed)])


def part_of(metric: Metric, sums: Sequence[LanguageSums], grid: Axes, resamples: int, seed: int) -> Part:
    """The same, to be pooled."""
    values = scores(metric, sums)
    moved = resampled_deviations(metric, sums, resamples, seed)
    if parallel(sums):
        values, moved = values.mean(axis=0, keepdims=True), moved.mean(axis=1, keepdims=True)
    return Part(
        value=float(values.mean()),
        spread=spread(values, moved, group_degrees_of_freedom(sums)),
        seeds=grid.seeds,
        draws=0 if grid.draws == (None,) else len(grid.draws),
        groups=len({name for one in sums for name in one.groups}),
        items=int(sum(one.sizes.sum() for one in sums)),
        languages=grid.languages,
    )


def _estimate(value: float, uncertain: Components, parts: Sequence[Part]) -> Estimate:
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
        seeds=len(parts[0].seeds),
        draws=max(part.draws for part in parts),
        groups=sum(part.groups for part in parts),
        items=sum(part.items for part in parts),
        languages=tuple(sorted({language for part in parts for language in part.languages})),
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
