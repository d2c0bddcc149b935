"""Simulated coverage of 95% confidence intervals, with random effects of seeds, draws, groups and items.

    python bench/studies/coverage.py [replicates] [resamples]

For every design and mixture of effects, prints the coverage of our intervals and of a naive percentile bootstrap that
resamples seeds, draws and groups independently.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from xstilts.analysis.stats.contrast import estimate_of_sums
from xstilts.analysis.stats.resampling import Grid, LanguageSums, contrast_values, resampled_deviations
from xstilts.metrics import Metric, metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The sizes of a simulated experiment.

    `draws` of 1 means zero-shot, without draws. With `shared`, all languages have the same groups and draws.
    """

    languages: int
    seeds: int
    draws: int
    groups: int
    shared: bool = False

    @property
    def axes(self) -> Grid:
        draws = (None,) if self.draws == 1 else tuple(range(self.draws))
        return Grid(languages=tuple(map(str, range(self.languages))), seeds=tuple(range(self.seeds)), draws=draws)

    def names(self, language: int) -> tuple[str, ...]:
        return tuple(f"{0 if self.shared else language}.{group}" for group in range(self.groups))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Standard deviations of the crossed random effects; `item` is the residual of a single item in a single run."""

    seed: float = 0.0
    seed_language: float = 0.0
    draw: float = 0.0
    cell: float = 0.0
    group: float = 0.0
    group_seed: float = 0.0
    group_draw: float = 0.0
    item: float = 0.0


DESIGNS = {
    "12 languages, 3 seeds x 3 draws": Design(languages=12, seeds=3, draws=3, groups=40),
    "the same, parallel data": Design(languages=12, seeds=3, draws=3, groups=40, shared=True),
    "12 languages, 5 seeds x 3 draws": Design(languages=12, seeds=5, draws=3, groups=40),
    "12 languages, 3 seeds, zero-shot": Design(languages=12, seeds=3, draws=1, groups=40),
    "1 language, 3 seeds x 3 draws": Design(languages=1, seeds=3, draws=3, groups=60),
    "1 language, 5 seeds x 3 draws": Design(languages=1, seeds=5, draws=3, groups=60),
    "1 language, 3 seeds, zero-shot": Design(languages=1, seeds=3, draws=1, groups=60),
}

MIXES = {
    "seeds": Mix(seed=1.0, item=0.5),
    "items": Mix(group=1.0, item=1.0),
    "cell noise": Mix(cell=1.0, item=0.5),
    "residual only, no draw effect": Mix(item=1.0),
    "draws": Mix(draw=1.0, item=0.5),
    "seeds in each language": Mix(seed_language=1.0, item=0.5),
    "seeds and items": Mix(seed=0.1, group=0.5, item=1.0),
    "items that seeds flip": Mix(group_seed=1.0, item=0.5),
    "items that draws flip": Mix(group_draw=1.0, item=0.5),
    "all": Mix(seed=0.05, seed_language=0.1, draw=0.1, cell=0.1, group=0.4, group_seed=0.3, group_draw=0.3, item=0.5),
}

PROBIT = 0.3
"""Scale of the effects for right-or-wrong items: a standard deviation of 1 is about 10 points of accuracy."""

Replicate = tuple[list[LanguageSums], float]
"""The sums of each language and the true value of the contrast."""


def normal(design: Design, mix: Mix, rng: np.random.Generator) -> Replicate:
    """Normally distributed differences, three items per group; the score is their mean."""
    effects = _effects(design, mix, rng)[..., None] + mix.item * rng.standard_normal((*_shape(design), 3))
    sums = np.stack([effects.sum(axis=-1), np.full(effects.shape[:-1], 3.0)], axis=-1)
    return [_part(design, language, sums[language][None], (1.0,)) for language in range(design.languages)], 0.0


def binary(design: Design, mix: Mix, rng: np.random.Generator) -> Replicate:
    """Right-or-wrong items from a probit model, in groups of unequal size.

    The treatment has all effects, the baseline only those of seeds and groups. Group difficulty is shared by both.
    """
    shape = _shape(design)
    sizes = 1 + rng.poisson(3, (1 if design.shared else design.languages, design.groups))
    sizes = np.broadcast_to(sizes, (design.languages, design.groups))
    difficulty = 0.7 * rng.standard_normal((design.languages, 1, 1, design.groups))
    treatment = PROBIT * _effects(design, mix, rng)
    baseline = PROBIT * _effects(design, Mix(seed=mix.seed, group=mix.group), rng)
    correct = [
        rng.binomial(np.broadcast_to(sizes[:, None, None], shape), special.ndtr(0.3 + difficulty + effects))
        for effects in (treatment, baseline)
    ]
    variances = [
        0.49 + PROBIT**2 * sum(getattr(mix, name) ** 2 for name in names)
        for names in (("seed", "seed_language", "draw", "cell", "group", "group_seed", "group_draw"), ("seed", "group"))
    ]
    truth = float(np.subtract(*[special.ndtr(0.3 / np.sqrt(1 + variance)) for variance in variances]))
    sums = np.stack([np.stack([counts, np.broadcast_to(sizes[:, None, None], shape)], -1) for counts in correct], 1)
    parts = [_part(design, i, sums[i].astype(float), (1.0, -1.0), sizes[i]) for i in range(design.languages)]
    return parts, truth


def labels(design: Design, mix: Mix, rng: np.random.Generator, classes: int = 20) -> Replicate:
    """Two equal arms for macro-F1: four items per group, all of one class; wrong answers are uniform over classes."""
    shape = _shape(design)
    gold = np.eye(classes)[np.arange(design.groups) % classes]
    arms = []
    for _ in range(2):
        probability = special.ndtr(0.5 + PROBIT * _effects(design, mix, rng))
        correct = rng.binomial(4, probability)[..., None] * gold
        guesses = rng.multinomial(1, np.full(classes, 1 / classes), (*shape, 4)).cumsum(axis=-2)
        wrong = np.take_along_axis(
            np.concatenate([np.zeros_like(guesses[..., :1, :]), guesses], axis=-2),
            (4 - correct.sum(axis=-1).astype(int))[..., None, None],
            axis=-2,
        )[..., 0, :]
        hits = correct + wrong * gold
        arms.append(np.concatenate([hits, correct + wrong + 4 * gold, np.broadcast_to(4 * gold, hits.shape)], axis=-1))
    sums = np.stack(arms, axis=1)
    return [_part(design, i, sums[i], (1.0, -1.0)) for i in range(design.languages)], 0.0


def _shape(design: Design) -> tuple[int, int, int, int]:
    return design.languages, design.seeds, design.draws, design.groups


def _effects(design: Design, mix: Mix, rng: np.random.Generator) -> np.ndarray:
    """Random effects [languages, seeds, draws, groups]."""
    languages, seeds, draws, groups = _shape(design)
    independent = 1 if design.shared else languages
    shapes = {
        "seed": (1, seeds, 1, 1),
        "seed_language": (languages, seeds, 1, 1),
        "draw": (independent, 1, draws, 1),
        "cell": (languages, seeds, draws, 1),
        "group": (independent, 1, 1, groups),
        "group_seed": (independent, seeds, 1, groups),
        "group_draw": (independent, 1, draws, groups),
    }
    total = np.zeros(_shape(design))
    for name, shape in shapes.items():
        total += getattr(mix, name) * rng.standard_normal(shape)
    return total


def _part(
    design: Design, language: int, sums: np.ndarray, signs: tuple[float, ...], sizes: np.ndarray | None = None
) -> LanguageSums:
    """The sums of one language from `sums` [arms, seeds, draws, groups, V]."""
    runs = design.seeds * design.draws
    weights = np.concatenate([sign * np.eye(runs) for sign in signs], axis=1)
    return LanguageSums(
        groups=design.names(language),
        sizes=np.ones(design.groups) if sizes is None else sizes,
        sums=sums.reshape(len(signs) * runs, design.groups, -1),
        weights=weights.reshape(design.seeds, design.draws, -1),
    )


Simulate = Callable[[Design, Mix, np.random.Generator], Replicate]


def coverage(
    design: Design, mix: Mix, simulate: Simulate, name: str, replicates: int, resamples: int
) -> tuple[float, float, float]:
    """Coverage of our intervals, coverage of the naive ones, and our relative width.

    The width is the median, relative to that of an interval from the known standard error.
    """
    intervals = list(_intervals(design, mix, simulate, metric(name), replicates, resamples))
    errors, half_widths, naive_low, naive_high = np.array(intervals).T
    known_half_width = 1.96 * np.sqrt(np.mean(errors**2))
    return (
        float(np.mean(abs(errors) <= half_widths)),
        float(np.mean((naive_low <= 0) & (naive_high >= 0))),
        float(np.median(half_widths) / known_half_width),
    )


def _intervals(
    design: Design, mix: Mix, simulate: Simulate, score: Metric, replicates: int, resamples: int
) -> Iterator[tuple[float, float, float, float]]:
    """For each replicate: our error and half-width, and the naive interval's bounds relative to the truth."""
    for replicate in range(replicates):
        rng = np.random.default_rng(replicate)
        parts, truth = simulate(design, mix, rng)
        estimate = estimate_of_sums(score, parts, design.axes, resamples, replicate)
        naive = _percentile_bootstrap(score, parts, resamples, rng) - truth
        yield estimate.value - truth, (estimate.high - estimate.low) / 2, *np.quantile(naive, (0.025, 0.975))


def _percentile_bootstrap(
    score: Metric, parts: list[LanguageSums], resamples: int, rng: np.random.Generator
) -> np.ndarray:
    grid = contrast_values(score, parts) + resampled_deviations(score, parts, resamples, int(rng.integers(2**32)))
    _, languages, seeds, draws = grid.shape
    by_seed = rng.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    by_draw = rng.multinomial(draws, np.full(draws, 1 / draws), (resamples, languages)) / draws
    return np.einsum("blsd,bs,bld->b", grid, by_seed, by_draw) / languages


KINDS = {"normal": (normal, "accuracy"), "binary": (binary, "accuracy"), "labels": (labels, "macro_f1")}
MACRO_F1_DESIGNS = ("12 languages, 3 seeds, zero-shot", "1 language, 3 seeds x 3 draws")
"""Macro-F1 is slow to simulate, so only these designs have it."""


def main(replicates: int = 1000, resamples: int = 300) -> None:
    print(f"{replicates} replicates, {resamples} resamples", flush=True)
    print("columns: coverage in % (ours, naive), our width / width from the known standard error", flush=True)
    for title, design in DESIGNS.items():
        for kind, (simulate, name) in KINDS.items():
            for mixture, mix in MIXES.items():
                if (design.draws == 1 and (mix.draw or mix.group_draw)) or (
                    kind == "labels" and title not in MACRO_F1_DESIGNS
                ):
                    continue
                ours, naive, width = coverage(design, mix, simulate, name, replicates, resamples)
                row = f"{title:34s} {kind:7s} {mixture:30s} {100 * ours:5.1f} {100 * naive:5.1f} {width:5.2f}"
                print(row, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
