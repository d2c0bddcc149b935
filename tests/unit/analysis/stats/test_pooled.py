"""Contrasts that are pooled over tasks: their values, and how often their intervals cover."""

import dataclasses
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats
from tests.unit.analysis.stats.test_stats import random_arm

from xstilts.analysis import stats
from xstilts.analysis.stats.contrast import TaskContrast, contrast_of_sums
from xstilts.analysis.stats.variance import combine_tasks
from xstilts.errors import UserError
from xstilts.metrics import metric

REPLICATES = 300


def difference(salt: int, **shape: int) -> list[tuple[float, stats.ArmItems]]:
    return [(1.0, random_arm(0.7, salt=salt, **shape)), (-1.0, random_arm(0.5, salt=salt + 50, **shape))]


def test_one_task_is_the_plain_contrast() -> None:
    terms = difference(0, seeds=3, draws=2)
    alone = stats.pooled([stats.task_contrast(terms, "accuracy", resamples=200)])
    assert alone == stats.contrast(terms, "accuracy", resamples=200)


def test_the_value_is_the_mean_over_tasks_whatever_their_size() -> None:
    parts = [stats.task_contrast(difference(i, languages=i + 1), "accuracy", resamples=50) for i in range(3)]
    found = stats.pooled(parts)
    assert found.value == pytest.approx(np.mean([part.value for part in parts]))
    assert found.items == 40 * (1 + 2 + 3)
    assert found.languages == ("l0", "l1", "l2")


def test_weights_make_a_difference_of_two_means_of_tasks() -> None:
    parts = [stats.task_contrast(difference(i, draws=0), "accuracy", resamples=50) for i in range(3)]
    found = stats.pooled(parts, [1.0, -0.5, -0.5])
    assert found.value == pytest.approx(parts[0].value - (parts[1].value + parts[2].value) / 2)


def test_a_task_less_itself_leaves_no_seed_variance() -> None:
    """Seeds are one sample: what they do to both tasks alike cancels."""
    part = stats.task_contrast(difference(0), "accuracy", resamples=50)
    assert stats.pooled([part, part], [1.0, -1.0]).seed_share == 0.0


def test_the_order_of_tasks_does_not_matter() -> None:
    parts = [stats.task_contrast(difference(i, languages=i + 1), "accuracy", resamples=50) for i in range(3)]
    forth, back = stats.pooled(parts), stats.pooled(parts[::-1])
    assert (forth.value, forth.low, forth.p_value) == pytest.approx((back.value, back.low, back.p_value))


def test_different_seeds_are_refused() -> None:
    parts = [stats.task_contrast(difference(0, seeds=seeds), "accuracy", resamples=50) for seeds in (2, 3)]
    with pytest.raises(UserError, match="different seeds"):
        stats.pooled(parts)
    with pytest.raises(UserError, match="no task"):
        stats.pooled([])


def tasks_of_one_seed(bench: ModuleType, mix: Any, rng: np.random.Generator, shared: float) -> Sequence[TaskContrast]:
    """Three tasks of different shape, whose true contrast is 0; `shared` is what a seed does to all of them."""
    designs = [
        bench.Design(languages=4, seeds=3, draws=1, groups=40),
        bench.Design(languages=1, seeds=3, draws=1, groups=60),
        bench.Design(languages=2, seeds=3, draws=3, groups=40, shared=True),
    ]
    by_seed = shared * rng.standard_normal(3)[None, :, None, None]
    found = []
    for number, design in enumerate(designs):
        own = mix if design.draws > 1 else dataclasses.replace(mix, draw=0.0, group_draw=0.0)
        noise = rng.standard_normal((*bench._shape(design), 3))
        effects = (bench._effects(design, own, rng) + by_seed)[..., None] + noise
        sums = np.stack([effects.sum(axis=-1), np.full(effects.shape[:-1], 3.0)], axis=-1)
        parts = [bench._part(design, i, sums[i][None], (1.0,)) for i in range(design.languages)]
        found.append(contrast_of_sums(metric("accuracy"), parts, design.axes, 100, number))
    return found


@pytest.mark.parametrize(
    ("name", "shared"),
    [("seeds", 0.0), ("seeds", 1.0), ("items", 0.0), ("items that seeds flip", 0.3), ("draws", 0.1), ("all", 0.3)],
)
def test_pooled_intervals_cover(bench: ModuleType, name: str, shared: float) -> None:
    hits = 0
    for replicate in range(REPLICATES):
        rng = np.random.default_rng(replicate)
        found = stats.pooled(tasks_of_one_seed(bench, bench.MIXES[name], rng, shared))
        hits += found.low <= 0 <= found.high
    assert scipy_stats.binom.cdf(hits, REPLICATES, 0.93) > 0.001


def test_tasks_taken_as_independent_would_fail_that_test(bench: ModuleType) -> None:
    """With seeds of its own for each task, the variance of what seeds share would be a third of what it is."""
    ours, apart = [], []
    for replicate in range(200):
        parts = tasks_of_one_seed(bench, bench.Mix(item=0.5), np.random.default_rng(replicate), 1.0)
        found = stats.pooled(parts)
        error = np.sqrt(sum(combine_tasks([part.variance], [1 / 3]).total for part in parts))
        ours.append(found.low <= 0 <= found.high)
        apart.append(abs(found.value) <= error * (found.high - found.value) / found.standard_error)
    assert np.mean(apart) < 0.9 < np.mean(ours)
