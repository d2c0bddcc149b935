"""Losses and scores of tiny random encoders are what they were when `losses.json` was written.

A changed seed, batch order, schedule, dropout mask or initial weight shows here, where every other test would pass.
Write the numbers anew only for a change that is meant to alter them: see `tests.golden.measure_losses`.
"""

import json
from pathlib import Path

import pytest
from tests.golden import measure_losses

from xstilts.methods import METHODS
from xstilts.problems import PROBLEMS

FROZEN = json.loads(measure_losses.FROZEN_FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", measure_losses.RECIPES)
def test_losses_and_scores_are_those_of_the_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    measured, frozen = measure_losses.measure(name, tmp_path), FROZEN[name]
    assert measured.keys() == frozen.keys()
    differing = [
        f"{stage}: {number} is {measured[stage].get(number)}, was {value}"
        for stage, numbers in frozen.items()
        for number, value in numbers.items()
        if not measure_losses.agrees(name, number, measured[stage].get(number), value)
    ]
    assert differing == []
    assert {stage: set(numbers) for stage, numbers in measured.items()} == {s: set(n) for s, n in frozen.items()}


def test_new_numbers_are_written_only_where_they_differ_by_more_than_rounding() -> None:
    recorded = {"kept": {"first_loss": 1.0, "macro_f1": 0.5}, "gone": {"first_loss": 1.0}}
    measured = {"kept": {"first_loss": 1.00001, "macro_f1": 0.51}, "new": {"last_loss": 2.0}}
    assert measure_losses.keep_recorded("texts", measured, recorded) == {
        "kept": {"first_loss": 1.0, "macro_f1": 0.51},
        "new": {"last_loss": 2.0},
    }


def test_every_few_shot_method_and_problem_has_numbers() -> None:
    """Scores are named by task, language, arm, method and k."""
    cells = [name.split()[1:] for numbers in FROZEN.values() for name in numbers if name.startswith("score ")]
    assert {method for _, _, _, method, _ in cells} >= METHODS.keys()
    assert {measure_losses.PROBLEM_OF[task] for task, *_ in cells} == PROBLEMS.keys()
