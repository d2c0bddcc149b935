from collections.abc import Callable

import pytest
from tests.unit.fitting import parts, reports

from xstilts.fitting.report import FitReport, NextStep
from xstilts.fitting.summary import summary_lines


@pytest.mark.parametrize("make", reports.ALL)
def test_at_most_twelve_lines_without_control_characters(make: Callable[[], FitReport]):
    lines = summary_lines(make())
    assert 3 <= len(lines) <= 12
    assert all(line.strip() and line.isprintable() for line in lines)


def test_the_lines_have_the_values_of_the_report():
    lines = "\n".join(summary_lines(reports.swahili()))
    for value in (
        "macro F1 72 (66 to 78)",
        "between 64 and 80",
        "test file: 70 (61 to 79)",
        "both (logistic regression",
        "17 (15 to 19)",
        "health 58 (21 rows), politics 74 (64 rows)",
        "62%, for 90% right predictions: it predicts 81% of the texts, 91% of them right",
        "1 label to check",
        "useful to label: xstilts label model unlabelled.csv --count 40",
    ):
        assert value in lines


def test_the_reason_for_having_no_estimate_is_told():
    lines = summary_lines(reports.no_estimate())
    assert lines[0] == "No score can be given for new Swahili texts."
    assert lines[1] == reports.no_estimate().no_estimate


def test_long_commands_are_whole():
    command = f"xstilts fit --train {'long/' * 200}a.csv"
    report = reports.swahili().model_copy(update={"next_steps": (NextStep(text="fit again", command=command),)})
    assert summary_lines(report)[-1] == f"Next: Fit again: {command}"


def test_a_threshold_that_is_not_in_the_table_is_told_alone():
    report = reports.swahili().model_copy(update={"calibration": parts.calibration(least=0.655)})
    assert "Abstention below probability 66%, for 90% right predictions." in summary_lines(report)
