import pytest
from tests.unit.fitting import parts, reports

from xstilts.fitting.wording import excerpt, headline, percent, reaches_trivial, score_range


@pytest.mark.parametrize(
    ("score", "width", "shown"),
    [(0.72, 0.06, "72 (66 to 78)"), (0.912, 0.003, "91.2 (90.9 to 91.5)"), (0.99, 0.05, "99 (94 to 100)")],
)
def test_narrow_intervals_have_a_decimal(score: float, width: float, shown: str):
    assert score_range(parts.estimate(score, width)) == shown


@pytest.mark.parametrize(("share", "shown"), [(0, "0%"), (0.004, "0.4%"), (0.5, "50%"), (0.997, "99.7%"), (1, "100%")])
def test_only_all_is_100_percent(share: float, shown: str):
    assert percent(share) == shown


def test_pairs_are_named():
    assert headline(reports.hindi()).endswith("on new Hindi text pairs like yours")


@pytest.mark.parametrize(("trivial", "reaches"), [(0.659, False), (0.66, True), (0.9, True)])
def test_the_baseline_is_reached_from_the_low_end_on(trivial: float, reaches: bool):
    report = reports.swahili().model_copy(update={"estimate": parts.estimate(0.7), "trivial": None})
    assert not reaches_trivial(report)
    low = report.estimate.model_copy(update={"low": 0.66}) if report.estimate else None
    report = report.model_copy(update={"estimate": low, "trivial": parts.estimate(trivial)})
    assert reaches_trivial(report) is reaches


def test_excerpts_are_one_printable_line():
    assert excerpt("a\n\tb\x1b[0m c", 99) == "a b [0m c"
    assert excerpt("abcdef", 4) == "abc\u2026"
