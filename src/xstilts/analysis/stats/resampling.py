"""Pairs the scored items of several arms, computes their contrast for every run, and resamples it by group.

A run is named by (seed, draw); the draw is None for runs without shots.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from xstilts.errors import UserError
from xstilts.metrics import Metric, gold_classes
from xstilts.plurals import plural

SeedDraw = tuple[int, int | None]
ArmItems = Mapping[str, Mapping[SeedDraw, pl.DataFrame]]
"""language -> (seed, draw) -> frame of `xstilts.metrics.score_frame`."""

Terms = Sequence[tuple[float, ArmItems]]
"""Weighted arms: [(1, treatment), (-1, baseline)] is a difference."""

_BLOCK = 100
"""Resamples that are computed together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The runs that all arms share; `draws` is (None,) if no arm has draws."""

    languages: tuple[str, ...]
    seeds: tuple[int, ...]
    draws: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageSums:
    """The sums of one language that a metric is computed from.

    Runs with equal sums are merged, so terms that cancel in a contrast cancel exactly. The order of runs depends only
    on the sums.
    """

    groups: tuple[str, ...]
    sizes: np.ndarray = field(repr=False)
    """Items per group [groups]."""
    sums: np.ndarray = field(repr=False)
    """Sums of item statistics by distinct run and group [runs, groups, V]."""
    weights: np.ndarray = field(repr=False)
    """Weights [seeds, draws, runs] that turn scores of runs into the contrast of each seed and draw."""


def shared_grid(terms: Terms, languages: Sequence[str] | None) -> Grid:
    """The languages, seeds and draws of the arms. Raises UserError if an arm lacks a run that another arm has."""
    all_languages = set(languages) if languages is not None else {name for _, arm in terms for name in arm}
    if not terms or not all_languages:
        raise UserError("nothing to compare: no arm or no language", "give at least one arm and one language")
    runs = {(i, name): set(arm.get(name, ())) for i, (_, arm) in enumerate(terms) for name in sorted(all_languages)}
    seeds = sorted({seed for arm_runs in runs.values() for seed, _ in arm_runs})
    draws = sorted({draw for arm_runs in runs.values() for _, draw in arm_runs if draw is not None})
    for (i, name), arm_runs in runs.items():
        arm_draws = draws if any(draw is not None for _, draw in arm_runs) else [None]
        missing = {(seed, draw) for seed in seeds for draw in arm_draws} - arm_runs
        if missing or not arm_runs or len(arm_runs) > len(seeds) * len(arm_draws):
            raise UserError(
                f"arm {i + 1} of the contrast does not have the same runs as the others in {name}: "
                f"{_describe_missing(missing)}",
                "runs are paired by seed and draw: finish the missing runs, or leave the language out",
            )
    return Grid(languages=tuple(sorted(all_languages)), seeds=tuple(seeds), draws=tuple(draws) or (None,))


def _describe_missing(missing: set[SeedDraw]) -> str:
    if not missing:
        return "it has no runs, or runs both with and without draws"
    names = [f"seed {s}" + ("" if d is None else f", draw {d}") for s, d in sorted(missing, key=str)]
    return "no " + "; no ".join(names[:3]) + (" and more" if len(names) > 3 else "")


def language_sums(terms: Terms, metric: Metric, language: str, grid: Grid) -> LanguageSums:
    """The sums of one language. Raises UserError if runs have different items, or there are fewer than two groups."""
    frames = _sorted([frame for _, arm in terms for frame in arm[language].values()])
    first = frames[0]
    for frame in frames[1:]:
        _check_paired(first, frame, language)
    groups, starts, sizes = np.unique(first["group"].to_numpy(), return_index=True, return_counts=True)
    if len(groups) < 2:
        raise UserError(
            f"{language} has {plural(len(groups), 'group')} of items; at least 2 are needed to estimate the "
            "sampling error",
            "evaluate on more groups, or leave the language out",
        )
    classes = gold_classes(first)
    encoded = iter([np.add.reduceat(metric.encode(frame, classes), starts, axis=0) for frame in frames])
    arms = [{run: next(encoded) for run in arm[language]} for _, arm in terms]
    distinct = {sums.tobytes(): sums for arm in arms for sums in arm.values()}
    index = {content: i for i, content in enumerate(sorted(distinct))}
    weights = np.zeros((len(grid.seeds), len(grid.draws), len(index)))
    for (weight, _), arm in zip(terms, arms, strict=True):
        for s, seed in enumerate(grid.seeds):
            for d, draw in enumerate(grid.draws):
                sums = arm[seed, draw] if (seed, draw) in arm else arm[seed, None]
                weights[s, d, index[sums.tobytes()]] += weight
    used = weights.any(axis=(0, 1))
    stacked = np.stack([distinct[content] for content in index])[used]
    return LanguageSums(groups=tuple(groups), sizes=sizes, sums=stacked, weights=weights[..., used])


def _sorted(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """The frames sorted by group and item. Most runs have the same item order, which is sorted only once."""
    items, order = frames[0]["item"], frames[0].select(pl.arg_sort_by("group", "item")).to_series()
    return [frame[order] if frame["item"].equals(items) else frame.sort("group", "item") for frame in frames]


def _check_paired(first: pl.DataFrame, other: pl.DataFrame, language: str) -> None:
    for column in ("item", "group", "gold"):
        if not first[column].equals(other[column]):
            raise UserError(
                f"the compared runs were not scored on the same items in {language} ({column} differs)",
                "compare runs of one task and split; evaluate again if the data changed",
            )


def contrast_values(metric: Metric, languages: Sequence[LanguageSums]) -> np.ndarray:
    """The contrast of each language, seed and draw, [languages, seeds, draws]."""
    return np.stack([language.weights @ metric.value(language.sums.sum(axis=1)) for language in languages])


def resampled_deviations(metric: Metric, languages: Sequence[LanguageSums], resamples: int, seed: int) -> np.ndarray:
    """Deviations of the contrasts when groups are resampled, [resamples, languages, seeds, draws].

    Each resample keeps a random half of a language's groups (delete-d jackknife, Shao and Wu 1989). A group that
    several languages share is kept in all of them or in none, as far as the halves allow. The variance of the
    deviations estimates the sampling variance of the contrasts. The bootstrap, which reweights groups, misses most of
    the variance of macro-F1 when a class has only one or two groups.
    """
    names = sorted({name for language in languages for name in language.groups})
    position = {name: i for i, name in enumerate(names)}
    columns = [[position[name] for name in language.groups] for language in languages]
    deviation_functions = [_deviation_function(metric, language) for language in languages]
    blocks = [
        np.stack(
            [
                deviations(keys[:, language_columns])
                for deviations, language_columns in zip(deviation_functions, columns, strict=True)
            ],
            axis=1,
        )
        for keys in _blocks(resamples, len(names), seed)
    ]
    return np.concatenate(blocks)


def _blocks(resamples: int, groups: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, _BLOCK):
        yield rng.random((min(_BLOCK, resamples - start), groups), dtype=np.float32)


def _deviation_function(metric: Metric, language: LanguageSums) -> Callable[[np.ndarray], np.ndarray]:
    """A function from random keys [resamples, groups], whose lower half is kept, to deviations [resamples, seeds,
    draws]."""
    runs, groups, width = language.sums.shape
    flat = language.sums.astype(np.float32).transpose(1, 0, 2).reshape(groups, runs * width)
    scores = metric.value(language.sums.sum(axis=1))
    half = (groups + 1) // 2
    weights = language.weights * np.sqrt(half / (groups - half))

    def deviations(keys: np.ndarray) -> np.ndarray:
        mask = keys <= np.partition(keys, half - 1, axis=1)[:, half - 1 : half]
        resampled = metric.value((mask.astype(np.float32) @ flat).reshape(len(keys), runs, width))
        return np.einsum("bc,sdc->bsd", resampled - scores, weights)

    return deviations


def group_degrees_of_freedom(languages: Sequence[LanguageSums]) -> float:
    """Groups minus one if all groups have equal size and are shared by all languages; fewer for unequal groups."""
    weights: dict[str, float] = {}
    for language in languages:
        for name, share in zip(language.groups, language.sizes / language.sizes.sum(), strict=True):
            weights[name] = weights.get(name, 0.0) + float(share)
    squares = np.array(list(weights.values())) ** 2
    effective = squares.sum() ** 2 / (squares**2).sum()
    return float(max(1.0, effective * (1 - 1 / min(len(language.groups) for language in languages))))


def is_parallel(languages: Sequence[LanguageSums]) -> bool:
    """Whether a group occurs in two or more languages on average. A draw then holds translations of the same examples
    in all languages, so draws are one sample for all of them."""
    distinct = {name for language in languages for name in language.groups}
    return sum(len(language.groups) for language in languages) >= 2 * len(distinct)
