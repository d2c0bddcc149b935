from collections.abc import Iterator

import pytest

from xstilts.platform.progress import Report, report, reporting_to, track, track_batches


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [100.0]
    monkeypatch.setattr("xstilts.platform.progress.time.monotonic", lambda: now[0])
    yield now


def test_reports_are_limited_in_rate_but_phases_and_ends_are_always_sent(clock: list[float]) -> None:
    sent: list[Report] = []
    with reporting_to(sent.append):
        for step in range(1, 6):
            report("training", step, 5, loss=lambda: 0.5)
            clock[0] += 0.1
        report("scoring", 0, 9)
    report("scoring", 9, 9)  # outside: nobody listens
    assert [(sent_report.phase, sent_report.done) for sent_report in sent] == [
        ("training", 1),
        ("training", 4),
        ("training", 5),
        ("scoring", 0),
    ]
    assert [sent_report.loss for sent_report in sent] == [0.5, 0.5, 0.5, None]


def test_items_and_batches_are_counted(clock: list[float]) -> None:
    sent: list[Report] = []
    with reporting_to(sent.append):
        assert list(track("reading data", "ab", 2)) == ["a", "b"]
        assert list(track_batches("scoring", ["abc", "de"], 5)) == ["abc", "de"]
    counts = [(sent_report.phase, sent_report.done, sent_report.total) for sent_report in sent]
    assert counts == [("reading data", 0, 2), ("reading data", 2, 2), ("scoring", 0, 5), ("scoring", 5, 5)]
