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

LOSS = {"texts": 3e-4, "multi-label": 3e-4, "images": 2e-3, "dual": 5e-3}
"""Relative, by recipe: about seven times what other vector instructions (SSE4, AVX2, AVX-512) and threads change."""
SCORE = 1e-6
"""Absolute: no item may be predicted otherwise."""
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
        if measured[stage].get(number) != pytest.approx(value, **_tolerance(name, number))
    ]
    assert differing == []
    assert {stage: set(numbers) for stage, numbers in measured.items()} == {s: set(n) for s, n in frozen.items()}


def _tolerance(name: str, number: str) -> dict[str, float]:
    return {"rel": LOSS[name], "abs": 0.0} if number.endswith("_loss") else {"rel": 0.0, "abs": SCORE}


def test_every_few_shot_method_and_problem_has_numbers() -> None:
    """Scores are named by task, language, arm, method and k."""
    cells = [name.split()[1:] for numbers in FROZEN.values() for name in numbers if name.startswith("score ")]
    assert {method for _, _, _, method, _ in cells} >= METHODS.keys()
    assert {measure_losses.PROBLEM_OF[task] for task, *_ in cells} == PROBLEMS.keys()
