"""From scored items of several arms to one grid of contrasts, and to its resamples.

A cell is one run's scored items in one language; (seed, draw) names it, draw None where there were no shots.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from xstilts.errors import UserError
from xstilts.metrics import Metric, gold_classes

Cell = tuple[int, int | None]
ArmItems = Mapping[str, Mapping[Cell, pl.DataFrame]]
"""language -> (seed, draw) -> frame of `xstilts.metrics.score_frame`."""

Terms = Sequence[tuple[float, ArmItems]]
"""Weighted arms: [(1, treatment), (-1, baseline)] is a difference."""

_BLOCK = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What all arms have in common; `draws` is (None,) where no arm has draws."""

    languages: tuple[str, ...]
    seeds: tuple[int, ...]
    draws: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageSums:
    """One language: the metric's sums of each distinct cell and group, [cells, groups, V], and the weights
    [seeds, draws, cells] that make the contrast of each seed and draw out of the cells' scores.

    Equal cells are one, so what cancels in a contrast cancels exactly; their order depends on nothing but them.
    """

    groups: tuple[str, ...]
    sizes: np.ndarray = field(repr=False)
    sums: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)


def axes(terms: Terms, languages: Sequence[str] | None) -> Axes:
    """The languages, seeds and draws of the arms. Raises UserError where an arm lacks a cell that another has."""
    wanted = set(languages) if languages is not None else {name for _, arm in terms for name in arm}
    if not terms or not wanted:
        raise UserError("nothing to compare: no arm, or no language", "Name at least one arm and one language.")
    keys = {(i, name): set(arm.get(name, ())) for i, (_, arm) in enumerate(terms) for name in sorted(wanted)}
    seeds = sorted({seed for cells in keys.values() for seed, _ in cells})
    draws = sorted({draw for cells in keys.values() for _, draw in cells if draw is not None})
    for (i, name), cells in keys.items():
        own = draws if any(draw is not None for _, draw in cells) else [None]
        missing = {(seed, draw) for seed in seeds for draw in own} - cells
        if missing or not cells or len(cells) > len(seeds) * len(own):
            raise UserError(
                f"arm {i + 1} of the contrast and the others do not have the same runs in {name}: {_spell(missing)}",
                "Runs are paired by seed and draw: finish the missing ones, or leave the language out.",
            )
    return Axes(languages=tuple(sorted(wanted)), seeds=tuple(seeds), draws=tuple(draws) or (None,))


def _spell(missing: set[Cell]) -> str:
    if not missing:
        return "it has none, or runs with and without draws"
    names = [f"seed {s}" + ("" if d is None else f", draw {d}") for s, d in sorted(missing, key=str)]
    return "no " + "; no ".join(names[:3]) + (" and more" if len(names) > 3 else "")


def language_sums(terms: Terms, metric: Metric, language: str, grid: Axes) -> LanguageSums:
    """Raises UserError where two cells do not have the same items, or there are fewer than two groups."""
    frames = _sorted([frame for _, arm in terms for frame in arm[language].values()])
    first = frames[0]
    for frame in frames[1:]:
        _check_paired(first, frame, language)
    groups, starts, sizes = np.unique(first["group"].to_numpy(), return_index=True, return_counts=True)
    if len(groups) < 2:
        raise UserError(
            f"{language} has items of {len(groups)} group(s): their sampling error cannot be estimated",
            "Evaluate on more groups, or leave the language out.",
        )
    classes = gold_classes(first)
    encoded = iter([np.add.reduceat(metric.encode(frame, classes), starts, axis=0) for frame in frames])
    cells = [{key: next(encoded) for key in arm[language]} for _, arm in terms]
    distinct = {sums.tobytes(): sums for arm in cells for sums in arm.values()}
    index = {text: i for i, text in enumerate(sorted(distinct))}
    weights = np.zeros((len(grid.seeds), len(grid.draws), len(index)))
    for (weight, _), arm in zip(terms, cells, strict=True):
        for s, seed in enumerate(grid.seeds):
            for d, draw in enumerate(grid.draws):
                sums = arm[seed, draw] if (seed, draw) in arm else arm[seed, None]
                weights[s, d, index[sums.tobytes()]] += weight
    used = weights.any(axis=(0, 1))
    stacked = np.stack([distinct[text] for text in index])[used]
    return LanguageSums(groups=tuple(groups), sizes=sizes, sums=stacked, weights=weights[..., used])


def _sorted(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """By group and item. Runs mostly have their items in one order, so that it need be found once."""
    items, order = frames[0]["item"], frames[0].select(pl.arg_sort_by("group", "item")).to_series()
    return [frame[order] if frame["item"].equals(items) else frame.sort("group", "item") for frame in frames]


def _check_paired(first: pl.DataFrame, other: pl.DataFrame, language: str) -> None:
    for column in ("item", "group", "gold"):
        if not first[column].equals(other[column]):
            raise UserError(
                f"the runs that are compared were not scored on the same items in {language} ({column} differs)",
                "Compare runs of one task and split; evaluate again if the data changed.",
            )


def scores(metric: Metric, languages: Sequence[LanguageSums]) -> np.ndarray:
    """The contrast of each language, seed and draw, [languages, seeds, draws]."""
    return np.stack([part.weights @ metric.value(part.sums.sum(axis=1)) for part in languages])


def resampled_deviations(metric: Metric, languages: Sequence[LanguageSums], resamples: int, seed: int) -> np.ndarray:
    """How far the contrasts move when groups are resampled, [resamples, languages, seeds, draws].

    Each resample keeps a random half of a language's groups, the delete-d jackknife (Shao and Wu 1989); a group that
    several languages share is kept in all of them or none, as far as halves allow. The variance of the deviations is
    that of the scores. Reweighting groups, as the bootstrap does, misses most of the variance of macro-F1 where a class
    has one or two groups.
    """
    names = sorted({name for part in languages for name in part.groups})
    position = {name: i for i, name in enumerate(names)}
    columns = [[position[name] for name in part.groups] for part in languages]
    movers = [_mover(metric, part) for part in languages]
    moved = [
        np.stack([move(keys[:, own]) for move, own in zip(movers, columns, strict=True)], axis=1)
        for keys in _blocks(resamples, len(names), seed)
    ]
    return np.concatenate(moved)


def _blocks(resamples: int, groups: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, _BLOCK):
        yield rng.random((min(_BLOCK, resamples - start), groups), dtype=np.float32)


def _mover(metric: Metric, part: LanguageSums) -> Callable[[np.ndarray], np.ndarray]:
    """From random keys [resamples, groups], whose lower half is kept, to deviations [resamples, seeds, draws]."""
    cells, groups, width = part.sums.shape
    flat = part.sums.astype(np.float32).transpose(1, 0, 2).reshape(groups, cells * width)
    middle = metric.value(part.sums.sum(axis=1))
    kept = (groups + 1) // 2
    weights = part.weights * np.sqrt(kept / (groups - kept))

    def move(keys: np.ndarray) -> np.ndarray:
        half = keys <= np.partition(keys, kept - 1, axis=1)[:, kept - 1 : kept]
        values = metric.value((half.astype(np.float32) @ flat).reshape(len(keys), cells, width))
        return np.einsum("bc,sdc->bsd", values - middle, weights)

    return move


def group_degrees_of_freedom(languages: Sequence[LanguageSums]) -> float:
    """Groups minus one for equal groups shared by all languages; unequal groups count as fewer."""
    weight: dict[str, float] = {}
    for part in languages:
        for name, size in zip(part.groups, part.sizes / part.sizes.sum(), strict=True):
            weight[name] = weight.get(name, 0.0) + float(size)
    squares = np.array(list(weight.values())) ** 2
    effective = squares.sum() ** 2 / (squares**2).sum()
    return float(max(1.0, effective * (1 - 1 / min(len(part.groups) for part in languages))))


def parallel(languages: Sequence[LanguageSums]) -> bool:
    """Whether a group lies in two languages or more on average: then a draw holds translations of the same examples
    in all of them, and draws are one sample."""
    distinct = {name for part in languages for name in part.groups}
    return sum(len(part.groups) for part in languages) >= 2 * len(distinct)
