"""What must hold of every contrast."""

import dataclasses
from collections.abc import Callable

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from xstilts.analysis import stats
from xstilts.problems.scores import score_frame

Arm = dict[str, dict[stats.SeedDraw, pl.DataFrame]]

METRICS = st.sampled_from(["accuracy", "macro_f1"])
NUMBERS = (
    "value", "low", "high", "standard_error", "degrees_of_freedom", "p_value", "minimum_detectable_effect",
    "seed_share", "draw_share", "item_share",
)  # fmt: skip


@st.composite
def two_arms(draw: st.DrawFn) -> tuple[Arm, Arm]:
    """A treatment with one to three draws, a baseline without; languages share some groups."""
    seeds, draws, languages = (draw(st.integers(1, 3)) for _ in range(3))
    items, salt, accuracy = draw(st.integers(6, 14)), draw(st.integers(0, 999)), draw(st.sampled_from([0.3, 0.6, 0.9]))
    rng = np.random.default_rng(salt)

    def cells(language: int, own: range | list[None], level: float) -> dict[stats.SeedDraw, pl.DataFrame]:
        names = [(f"i{i}", f"g{i % 5 + language}") for i in range(items)]
        gold = [str(i % 3) for i in range(items)]
        return {
            (seed, d): score_frame(
                "classification", names, gold, [g if rng.random() < level else str(rng.integers(0, 4)) for g in gold]
            )
            for seed in range(seeds)
            for d in own
        }

    treated = {f"l{i}": cells(i, range(draws), accuracy) for i in range(languages)}
    plain = {f"l{i}": cells(i, [None], 0.5) for i in range(languages)}
    return treated, plain


def difference(treated: Arm, plain: Arm, metric: str) -> stats.Estimate:
    return stats.contrast([(1, treated), (-1, plain)], metric, resamples=200, seed=3)


def numbers(estimate: stats.Estimate) -> dict[str, float]:
    return {name: getattr(estimate, name) for name in NUMBERS}


def same(left: stats.Estimate, right: stats.Estimate) -> None:
    assert numbers(left) == pytest.approx(numbers(right), rel=1e-6, abs=1e-9)


@given(two_arms(), METRICS)
@settings(max_examples=25)
def test_swapping_arms_mirrors_the_estimate(arms: tuple[Arm, Arm], metric: str) -> None:
    forth, back = difference(*arms, metric), difference(arms[1], arms[0], metric)
    same(back, dataclasses.replace(forth, value=-forth.value, low=-forth.high, high=-forth.low))


@given(two_arms(), METRICS)
@settings(max_examples=25)
def test_the_same_seed_gives_the_same_estimate(arms: tuple[Arm, Arm], metric: str) -> None:
    assert difference(*arms, metric) == difference(*arms, metric)


@given(two_arms(), METRICS)
@settings(max_examples=25)
def test_an_arm_and_itself_do_not_differ_at_all(arms: tuple[Arm, Arm], metric: str) -> None:
    found = difference(arms[0], arms[0], metric)
    assert (found.value, found.low, found.high, found.standard_error, found.p_value) == (0.0, 0.0, 0.0, 0.0, 1.0)
    assert found.minimum_detectable_effect == 0.0


def reversed_rows(arm: Arm) -> Arm:
    return {name: {key: frame.reverse() for key, frame in cells.items()} for name, cells in arm.items()}


def reversed_order(arm: Arm) -> Arm:
    return {name: dict(reversed(cells.items())) for name, cells in reversed(arm.items())}


def renumbered(arm: Arm) -> Arm:
    return {
        name: {(-seed, None if draw is None else 7 - draw): frame for (seed, draw), frame in cells.items()}
        for name, cells in arm.items()
    }


@pytest.mark.parametrize("change", [reversed_rows, reversed_order, renumbered])
@given(arms=two_arms(), metric=METRICS)
@settings(max_examples=15)
def test_order_and_numbering_do_not_matter(change: Callable[[Arm], Arm], arms: tuple[Arm, Arm], metric: str) -> None:
    same(difference(change(arms[0]), change(arms[1]), metric), difference(*arms, metric))


@given(two_arms(), METRICS)
@settings(max_examples=25)
def test_numbers_are_finite_and_in_order(arms: tuple[Arm, Arm], metric: str) -> None:
    found = difference(*arms, metric)
    assert np.isfinite(list(numbers(found).values())).all()
    assert found.low <= found.value <= found.high
    assert 0.0 <= found.p_value <= 1.0


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_only_raises_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = stats.holm(p_values)
    assert all(low <= high <= 1.0 for low, high in zip(p_values, adjusted, strict=True))
    assert [adjusted[i] for i in np.argsort(p_values)] == sorted(adjusted)
