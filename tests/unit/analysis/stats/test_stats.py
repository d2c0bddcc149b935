"""Contrasts: their values, what they refuse, how often they cover, what they say."""

import dataclasses
from types import ModuleType

import numpy as np
import polars as pl
import pytest
from scipy import stats as scipy_stats

from xstilts.analysis import stats
from xstilts.analysis.stats.resampling import LanguageSums, resampled_deviations
from xstilts.analysis.stats.variance import VarianceComponent, VarianceComponents, critical_value, variance_components
from xstilts.errors import UserError
from xstilts.metrics import metric
from xstilts.problems.scores import score_frame

Cells = dict[stats.SeedDraw, pl.DataFrame]
Arm = dict[str, Cells]


def cell(correct: list[int], groups: list[str] | None = None) -> pl.DataFrame:
    names = groups or [f"g{i}" for i in range(len(correct))]
    items = [(f"i{i}", group) for i, group in enumerate(names)]
    return score_frame("classification", items, ["yes"] * len(items), ["yes" if right else "no" for right in correct])


def random_arm(
    accuracy: float, *, languages: int = 2, seeds: int = 3, draws: int = 3, items: int = 40, salt: int = 0
) -> Arm:
    """`draws` 0: zero-shot."""
    rng = np.random.default_rng(salt)
    keys = [(seed, draw) for seed in range(seeds) for draw in (range(draws) if draws else [None])]
    groups = [f"g{i % (items // 2)}" for i in range(items)]
    return {
        f"l{i}": {key: cell(rng.binomial(1, accuracy, items).tolist(), groups) for key in keys}
        for i in range(languages)
    }


# values


def test_the_value_is_the_difference_of_the_mean_over_languages_of_the_mean_over_runs() -> None:
    treated: Arm = {
        "de": {(0, 0): cell([1, 1, 1, 1]), (0, 1): cell([1, 1, 0, 0])},
        "fi": {(0, 0): cell([1, 0]), (0, 1): cell([1, 1])},
    }
    plain: Arm = {"de": {(0, None): cell([1, 0, 0, 0])}, "fi": {(0, None): cell([0, 0])}}
    found = stats.contrast([(1, treated), (-1, plain)], "accuracy", resamples=10)
    assert found.value == pytest.approx((0.75 + 0.75) / 2 - (0.25 + 0.0) / 2)
    assert (found.seeds, found.draws, found.groups, found.items) == (1, 2, 4, 6)
    assert found.languages == ("de", "fi")


def test_an_interaction_is_the_difference_of_differences() -> None:
    arms = [random_arm(accuracy, salt=i) for i, accuracy in enumerate((0.9, 0.7, 0.6, 0.5))]
    means = [np.mean(stats.cell_means(arm, "accuracy")["value"].to_list()) for arm in arms]
    found = stats.contrast(list(zip((1, -1, -1, 1), arms, strict=True)), "accuracy", resamples=10)
    assert found.value == pytest.approx(means[0] - means[1] - means[2] + means[3])


def test_named_languages_only() -> None:
    arm = random_arm(0.6, languages=3)
    found = stats.contrast([(1, arm)], "accuracy", languages=["l2"], resamples=10)
    assert found.languages == ("l2",)
    assert found.value == pytest.approx(stats.cell_means({"l2": arm["l2"]}, "accuracy")["value"].mean())


def test_cell_means_has_a_row_for_every_run() -> None:
    means = stats.cell_means({"fi": {(1, None): cell([1, 0])}, "de": {(0, 2): cell([1, 1])}}, "accuracy")
    assert means.rows() == [("de", 0, 2, 1.0), ("fi", 1, None, 0.5)]


def test_an_arm_interval_stays_between_0_and_1() -> None:
    found = stats.arm_interval(random_arm(0.97, items=20, seeds=2), "accuracy", "l0")
    assert 0.9 < found.value <= found.high == 1.0
    assert found.low >= 0.0


# mistakes


def test_different_items_are_refused() -> None:
    with pytest.raises(UserError, match=r"not scored on the same items in de \(item differs\)"):
        stats.contrast([(1, {"de": {(0, None): cell([1, 0])}}), (-1, {"de": {(0, None): cell([1, 0, 1])}})], "accuracy")


def test_different_gold_is_refused() -> None:
    other = cell([1, 0]).with_columns(gold=pl.lit('"no"'))
    with pytest.raises(UserError, match="gold differs"):
        stats.contrast([(1, {"de": {(0, None): cell([1, 0]), (1, None): other}})], "accuracy")


def test_a_missing_run_is_named() -> None:
    whole = random_arm(0.5)
    partial = {name: {key: frame for key, frame in cells.items() if key != (2, 1)} for name, cells in whole.items()}
    with pytest.raises(UserError, match=r"arm 2 .* in l0: no seed 2, draw 1"):
        stats.contrast([(1, whole), (-1, partial)], "accuracy")


def test_a_missing_language_is_named() -> None:
    with pytest.raises(UserError, match="in l2"):
        stats.contrast([(1, random_arm(0.5, languages=3)), (-1, random_arm(0.5))], "accuracy")


def test_runs_with_and_without_draws_are_not_one_arm() -> None:
    with pytest.raises(UserError, match="with and without draws"):
        stats.contrast([(1, {"de": {(0, None): cell([1, 0]), (0, 0): cell([1, 0])}})], "accuracy")


def test_one_group_has_no_sampling_error_to_estimate() -> None:
    with pytest.raises(UserError, match="de has 1 group of"):
        stats.contrast([(1, {"de": {(0, None): cell([1, 0], ["g", "g"])}})], "accuracy")


@pytest.mark.parametrize("languages", [None, []])
def test_nothing_to_compare(languages: list[str] | None) -> None:
    with pytest.raises(UserError, match="nothing to compare"):
        stats.contrast([], "accuracy", languages=languages)


# variance


def test_halves_of_equal_groups_give_the_textbook_standard_error_of_a_mean() -> None:
    rng = np.random.default_rng(0)
    means = rng.standard_normal(31)
    part = LanguageSums(
        groups=tuple(map(str, range(31))),
        sizes=np.full(31, 2),
        sums=np.stack([2 * means, np.full(31, 2.0)], axis=-1)[None],
        weights=np.ones((1, 1, 1)),
    )
    moved = resampled_deviations(metric("accuracy"), [part], 40_000, 0)
    assert moved.std() == pytest.approx(scipy_stats.sem(means), rel=0.02)


def test_groups_that_languages_share_are_resampled_together() -> None:
    sums = np.random.default_rng(1).random((1, 20, 2))
    names = [tuple(f"{language}{i}" for i in range(20)) for language in "ab"]
    first, twin, other = (
        LanguageSums(groups=groups, sizes=np.ones(20), sums=sums, weights=np.ones((1, 1, 1)))
        for groups in (names[0], names[0], names[1])
    )
    together = resampled_deviations(metric("accuracy"), [first, twin], 4000, 0)[:, :, 0, 0]
    apart = resampled_deviations(metric("accuracy"), [first, other], 4000, 0)[:, :, 0, 0]
    assert np.array_equal(together[:, 0], together[:, 1])
    assert abs(np.corrcoef(apart.T)[0, 1]) < 0.1


def draws_of(shift: dict[str, list[int]], group: str) -> Arm:
    """Three draws and three seeds per language; `shift` says how many of 12 items a draw gets right."""
    names = {name: [f"{group.format(name)}{i}" for i in range(12)] for name in shift}
    return {
        name: {
            (s, d): cell([1] * right + [0] * (12 - right), names[name]) for s in range(3) for d, right in enumerate(by)
        }
        for name, by in shift.items()
    }


@pytest.mark.parametrize(("group", "uncertain"), [("g", False), ("{}-g", True)], ids=["parallel", "muted"])
def test_draws_of_parallel_data_are_one_sample(group: str, uncertain: bool) -> None:
    """Two languages whose draws go opposite ways cancel only if a draw is the same examples in both."""
    arm = draws_of({"de": [4, 6, 8], "fi": [8, 6, 4]}, group)
    found = stats.contrast([(1, arm)], "accuracy", resamples=100)
    assert (found.draw_share > 0) == uncertain


def test_components_are_unbiased() -> None:
    """In the mean over many simulated grids, the total is the variance of the grand mean."""
    rng = np.random.default_rng(2)
    normal = rng.standard_normal
    totals, means = [], []
    for _ in range(4000):
        grid = normal((1, 4, 1)) + 2 * normal((2, 1, 3)) + normal((2, 4, 1)) + normal((2, 4, 3))
        found = variance_components(grid, np.zeros((1, 2, 4, 3)), 10)
        totals.append(found.seeds.variance + found.draws.variance)
        means.append(grid.mean())
    truth = 1 / 4 + 4 / (2 * 3) + 1 / (2 * 4) + 1 / (2 * 4 * 3)
    assert np.var(means) == pytest.approx(truth, rel=0.08)
    assert np.mean(totals) == pytest.approx(truth, rel=0.05)


def test_the_quantile_of_one_component_is_students() -> None:
    none = VarianceComponent(variance=0.0, degrees_of_freedom=50)
    parts = VarianceComponents(seeds=VarianceComponent(variance=3.0, degrees_of_freedom=2), draws=none, items=none)
    assert critical_value(parts, 0.05) == pytest.approx(scipy_stats.t.isf(0.025, 2))


def test_p_value_and_interval_agree() -> None:
    found = stats.contrast([(1, random_arm(0.66, salt=1)), (-1, random_arm(0.5, salt=2))], "accuracy")
    half = (found.high - found.low) / 2
    assert half / found.standard_error == pytest.approx(scipy_stats.t.isf(0.025, found.degrees_of_freedom))
    assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)
    assert found.seed_share + found.draw_share + found.item_share == pytest.approx(1)


def test_one_seed_leaves_draws_and_items() -> None:
    found = stats.contrast([(1, random_arm(0.6, seeds=1)), (-1, random_arm(0.5, seeds=1, draws=0, salt=1))], "accuracy")
    assert found.indicative
    assert found.seed_share == 0.0
    assert found.standard_error > 0.0


def test_no_draws_counts_as_none() -> None:
    found = stats.contrast([(1, random_arm(0.6, draws=0)), (-1, random_arm(0.5, draws=0, salt=1))], "accuracy")
    assert (found.draws, found.draw_share) == (0, 0.0)
    assert not found.indicative


def test_an_estimate_is_plain_numbers() -> None:
    found = stats.contrast([(1, random_arm(0.6)), (-1, random_arm(0.5, salt=1))], "accuracy", resamples=100)
    assert all(type(value) in (float, int, tuple) for value in dataclasses.asdict(found).values())


# coverage


@pytest.mark.parametrize("mixture", ["seeds", "items", "cell noise", "residual only, no draw effect", "all"])
@pytest.mark.parametrize(
    ("design", "kind", "replicates"),
    [
        ("1 language, 3 seeds x 3 draws", "normal", 500),
        ("1 language, 3 seeds, zero-shot", "binary", 500),
        ("1 language, 5 seeds x 3 draws", "binary", 300),
        ("12 languages, 3 seeds x 3 draws", "normal", 100),
        ("1 language, 3 seeds x 3 draws", "labels", 100),
    ],
)
def test_intervals_cover(bench: ModuleType, design: str, kind: str, replicates: int, mixture: str) -> None:
    simulate, name = bench.KINDS[kind]
    ours, _, _ = bench.coverage(bench.DESIGNS[design], bench.MIXES[mixture], simulate, name, replicates, 150)
    assert scipy_stats.binom.cdf(round(ours * replicates), replicates, 0.93) > 0.001


def test_the_naive_bootstrap_would_fail_that_test(bench: ModuleType) -> None:
    design, mix = bench.DESIGNS["1 language, 3 seeds, zero-shot"], bench.MIXES["seeds"]
    ours, naive, _ = bench.coverage(design, mix, bench.normal, "accuracy", 200, 150)
    assert naive < 0.85 < ours


# families and sentences


def test_holm_adjusts_step_down() -> None:
    assert stats.holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert stats.holm([0.6, 0.9]) == [1.0, 1.0]
    assert stats.holm([]) == []


def example(**changes: object) -> stats.Estimate:
    found = stats.Estimate(
        value=0.012,
        low=-0.004,
        high=0.028,
        standard_error=0.0075,
        degrees_of_freedom=14.0,
        p_value=0.13,
        minimum_detectable_effect=0.023,
        seed_share=0.5,
        draw_share=0.2,
        item_share=0.3,
        seeds=3,
        draws=0,
        groups=500,
        items=2400,
        languages=tuple(f"l{i}" for i in range(12)),
    )
    return dataclasses.replace(found, **changes)


def test_correct_keeps_names_and_decides_by_the_adjusted_p() -> None:
    family = stats.correct({"a": example(p_value=0.03), "b": example(p_value=0.001)})
    assert list(family) == ["a", "b"]
    assert family["a"].p_value == pytest.approx(0.03)
    assert family["b"].p_value == pytest.approx(0.002)
    assert stats.correct({"a": example(p_value=0.03), "b": example(p_value=0.03)})["a"].significant is False


WHAT = "English intermediate training changed zero-shot macro-F1 on intent"


def test_a_sentence_without_effect() -> None:
    assert stats.sentence(example(), WHAT) == (
        "English intermediate training changed zero-shot macro-F1 on intent by +1.2 points (95% CI -0.4 to +2.8; "
        "3 seeds, 12 languages): not significant (p = 0.130; minimum detectable effect: 2.3 points)."
    )


@pytest.mark.parametrize(
    ("changes", "adjusted", "part"),
    [
        ({"value": 0.03, "low": 0.01, "p_value": 0.01}, None, "+3.0 points (95% CI +1.0 to +2.8; 3 seeds, 12"),
        ({"value": 0.03, "low": 0.01, "p_value": 0.01}, None, "): significant gain (p = 0.010;"),
        ({"value": 0.03, "low": 0.01, "p_value": 1e-9}, None, "): significant gain (p < 0.001;"),
        ({"value": -0.03, "high": -0.01, "p_value": 0.01}, 0.04, "): significant loss (Holm-corrected p = 0.040;"),
        ({"p_value": 0.01}, 0.2, "not significant after correction (Holm-corrected p = 0.200;"),
        ({"p_value": 0.3}, 1.0, "not significant (Holm-corrected p = 1.000;"),
        ({"seeds": 2}, None, "2.3 points); indicative only: fewer than 3 seeds."),
        ({"seeds": 1, "draws": 3, "languages": ("fi",)}, None, "1 seed, 3 draws, 1 language)"),
        ({"value": -0.0002}, None, "by +0.0 points"),
    ],
)
def test_parts_of_sentences(changes: dict[str, object], adjusted: float | None, part: str) -> None:
    assert part in stats.sentence(example(**changes), WHAT, adjusted=adjusted)
