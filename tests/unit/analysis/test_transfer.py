import numpy as np
import pytest
from tests.unit.report.fixture import toy_task
from tests.unit.report.xtreme import SINGLE, make_transfer, xtreme_recipe, xtreme_tasks

from xstilts.analysis import stats
from xstilts.analysis.transfer import CHOSEN_ARM, ChosenArms, Transfer, is_baseline
from xstilts.config.recipe import Intermediate, Recipe, Target
from xstilts.report.transfer import chosen_arm_table, matrix_table, suite_table, transfer_sections
from xstilts.tasks.suites import XTREME

GAINS = {"squad": 0.08, "mnli": 0.04}
TASKS = ("xnli", "xquad", "tatoeba")


def small(**changes: object) -> Recipe:
    arms = {"none": Intermediate(), "squad": SINGLE["squad"], "mnli": SINGLE["mnli"]}
    settings: dict[str, object] = {"intermediate": arms, "targets": {name: Target() for name in TASKS}}
    return xtreme_recipe(**(settings | changes))


def gains(task: str, arm: str) -> float:
    return GAINS[arm] * (2 if task == "tatoeba" else 1)


@pytest.fixture(scope="module")
def transfer() -> Transfer:
    return make_transfer(gains, small())


def row(table, first: str) -> list[str]:
    entries = next(r.entries for r in table.rows if r.entries[0].text == first)
    return [f"{entry.text} {entry.note}".strip() for entry in entries[1:]]


def value(estimate: stats.Estimate | str) -> float:
    assert isinstance(estimate, stats.Estimate), estimate
    return estimate.value


def test_an_average_is_the_mean_over_tasks_of_the_mean_over_languages(transfer: Transfer) -> None:
    assert value(transfer.effect(TASKS, "squad")) == pytest.approx(np.mean([0.08, 0.08, 0.16]), abs=2e-3)
    assert value(transfer.effect(TASKS[:2], "squad")) == pytest.approx(0.08, abs=1e-6)
    assert value(transfer.arm_mean(("tatoeba",), "none")) == pytest.approx(0.4, abs=2e-3)


def test_english_is_only_in_published_averages(transfer: Transfer) -> None:
    assert transfer.languages("xnli") == ("en", "de", "sw")
    assert transfer.languages("tatoeba") == ("de", "sw")
    tasks = xtreme_tasks() | {"own": toy_task("own", "classification", ("en", "de"))}
    other = make_transfer(lambda task, arm: 0.1, small(targets={"own": Target()}), tasks=tasks)
    assert other.languages("own") == ("de",)
    assert other.suites == ()


def test_development_languages_are_in_no_mean() -> None:
    tuned = make_transfer(gains, small(development_languages=("sw",)))
    assert tuned.languages("xnli") == ("en", "de")
    (note,) = suite_table(tuned, XTREME).notes
    assert "xnli: 2 of 3 languages." in note and "Swahili" in note


def test_the_suite_table_has_three_means_and_names_absent_tasks(transfer: Transfer) -> None:
    table = suite_table(transfer, XTREME)
    titles = [r.entries[0].text for r in table.rows]
    assert titles == [
        "XTREME average over 3 of 9 tasks",
        "XTREME average without retrieval over 2 of 7 tasks",
        "XTREME average, retrieval only, over 1 of 2 tasks",
        *TASKS,
    ]
    assert [head.text for head in table.heads[0]] == ["", "none", "squad", "mnli"]
    _, squad, mnli = row(table, titles[1])
    assert squad.startswith("48.1 +8.0 ±") and mnli.startswith("44.1 +4.0 ±")
    (note,) = table.notes
    assert note.endswith(": pawsx, udpos, panx, mlqa, tydiqa, bucc2018.")


def test_the_matrix_shows_every_arm_with_its_interval(transfer: Transfer) -> None:
    cells = row(matrix_table(transfer), "mnli")
    effect = transfer.effect(("xquad",), "mnli")
    assert isinstance(effect, stats.Estimate)
    assert cells[1] == f"+4.0 ({100 * effect.low:+.1f} to {100 * effect.high:+.1f})"


DEVELOPMENT = {
    **{("xnli", "mnli", seed): 0.9 for seed in (0, 1)},
    ("xnli", "squad", 2): 0.8,
    **{("xquad", "squad", seed): 0.7 for seed in (0, 1, 2)},
}


def test_arms_are_chosen_on_development_data_for_each_seed() -> None:
    transfer = make_transfer(gains, small(), development=DEVELOPMENT)
    chosen = transfer.chosen_arms("xnli")
    assert isinstance(chosen, ChosenArms)
    assert chosen.by_seed == {0: "mnli", 1: "mnli", 2: "squad"}
    assert value(transfer.effect(("xnli",), CHOSEN_ARM)) == pytest.approx((0.04 + 0.04 + 0.08) / 3, abs=1e-6)
    assert row(chosen_arm_table(transfer), "xnli")[-1] == "mnli 2, squad 1"
    assert row(chosen_arm_table(transfer), "xquad")[-1] == "squad 3"


def test_test_scores_do_not_choose_the_arm() -> None:
    """squad is better in every score, and is not chosen where development data say otherwise."""
    transfer = make_transfer(gains, small(), development={("xquad", "mnli", seed): 0.6 for seed in (0, 1, 2)})
    assert value(transfer.effect(("xquad",), CHOSEN_ARM)) == pytest.approx(0.04, abs=1e-6)


def test_equal_development_scores_choose_the_first_arm(transfer: Transfer) -> None:
    chosen = transfer.chosen_arms("xnli")
    assert isinstance(chosen, ChosenArms) and chosen.counts == {"squad": 3}


def test_without_development_scores_no_arm_is_chosen(transfer: Transfer) -> None:
    assert isinstance(transfer.chosen_arms("tatoeba"), str)
    assert transfer.effect(("tatoeba",), CHOSEN_ARM) == f"tatoeba: {transfer.chosen_arms('tatoeba')}"
    on_dev = make_transfer(gains, small(targets={"xnli": Target(split="dev")}), development=DEVELOPMENT)
    assert "development split" in str(on_dev.chosen_arms("xnli"))


def test_missing_scores_give_a_reason_instead_of_an_estimate() -> None:
    incomplete = make_transfer(gains, small(), missing=lambda cell: (cell.task, cell.intermediate) == ("xquad", "mnli"))
    assert incomplete.effect(TASKS, "mnli") == "xquad: 9 scores missing"
    assert isinstance(incomplete.effect(TASKS, "squad"), stats.Estimate)
    assert row(suite_table(incomplete, XTREME), "xquad")[-1] == "missing"


def test_a_target_without_the_arm_is_shown_as_absent() -> None:
    targets = {"xnli": Target(intermediates=("none", "squad")), "xquad": Target()}
    partial = make_transfer(gains, small(targets=targets))
    assert str(partial.effect(("xnli",), "mnli")).endswith("after mnli")
    assert row(matrix_table(partial), "mnli")[0] == "–"


def test_controls_and_baselines_are_not_in_the_matrix() -> None:
    arms = {
        "none": Intermediate(),
        "squad": SINGLE["squad"],
        "shuffled": Intermediate(tasks=("squad",), shuffle_labels=True),
        "longer": Intermediate(match_steps_of="squad"),
    }
    transfer = make_transfer(lambda task, arm: 0.1, small(intermediate=arms))
    assert (transfer.arms, transfer.baseline) == (("squad",), "none")
    assert [arm.trains for arm in arms.values()] == [False, True, True, False]
    assert [is_baseline(arm) for arm in arms.values()] == [True, False, False, False]
    assert [section.title for section in transfer_sections(transfer)] == ["Suite averages"]


def test_without_a_baseline_there_is_no_difference() -> None:
    without_baseline = make_transfer(gains, small(intermediate={"squad": SINGLE["squad"]}))
    assert "no arm without intermediate training" in str(without_baseline.effect(("xnli",), "squad"))
    assert list(transfer_sections(without_baseline)) == []
