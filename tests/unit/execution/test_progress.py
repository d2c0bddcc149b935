import io
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console
from tests.unit.planning.world import TASKS, recipe

from xstilts.execution.environment import Event
from xstilts.execution.forecast import Forecast, StageProgress
from xstilts.execution.preview import preview
from xstilts.execution.progress import Progress
from xstilts.planning.expand import expand
from xstilts.platform.progress import Phase, Report
from xstilts.store.store import Store

GRAPH = expand(recipe(), TASKS, "1234")
FIRST, SECOND = list(GRAPH.stages)[:2]


@pytest.fixture
def plan(tmp_path: Path):
    return preview(GRAPH, Store(tmp_path / "store"))


def reported(key: str, phase: Phase, done: int, total: int, examples: int = 0, loss: float | None = None) -> Event:
    report = Report(phase=phase, done=done, total=total, examples=examples or done, loss=loss)
    return Event(key=key, kind="progress", report=report)


def test_one_line_per_short_stage_without_a_terminal(plan) -> None:
    stream = io.StringIO()
    with Progress(GRAPH, plan, stream) as progress:
        progress(Event(key=FIRST, kind="started"))
        progress(reported(FIRST, "scoring", 1, 2))
        progress(Event(key=FIRST, kind="finished", seconds=1.25))
        progress(Event(key=SECOND, kind="failed", message="it broke\nhere"))
    total = len(GRAPH.stages)
    assert stream.getvalue().splitlines() == [
        f"1/{total} pretrained e5-small: 1.2 s",
        f"2/{total} {GRAPH.stages[SECOND].title}: FAILED: it broke",
    ]


def test_lines_of_a_long_stage_without_a_terminal(plan, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("xstilts.execution.progress.time.monotonic", lambda: clock[0])
    stream = io.StringIO()
    progress = Progress(GRAPH, plan, stream, steps={SECOND: 1200})

    def lines(now: float) -> list[str]:
        """The lines that a tick at this time adds."""
        clock[0], before = now, len(stream.getvalue())
        progress._display.show_running(now)  # pyright: ignore
        return stream.getvalue()[before:].splitlines()

    count = f"0/{len(GRAPH.stages)} {GRAPH.stages[SECOND].title}:"
    progress(Event(key=SECOND, kind="started"))
    assert lines(0.5) == []
    assert lines(1.5) == [f"{count} started, about 1,200 steps"]
    progress(reported(SECOND, "tokenising", 0, 5000))
    assert lines(30.0) == []
    assert lines(31.5) == [f"{count} tokenising 0/5,000"]
    progress(reported(SECOND, "training", 0, 1200))
    clock[0] = 51.5
    progress(reported(SECOND, "training", 400, 1200, 12_800, 0.25))  # 400 steps, 12,800 examples in 20 s
    assert lines(61.5) == [f"{count} training step 400/1,200, loss 0.25, 640 examples/s, 0:40 left"]
    progress(reported(SECOND, "scoring", 10, 20))  # the rate of a phase counts from its first report
    assert lines(2000.0) == [f"{count} scoring 10/20"]
    assert lines(2050.0) == []  # a stage of 2000 s has a line every 100 s
    assert lines(2110.0) == [f"{count} scoring 10/20"]


def test_remaining_time_of_a_phase_that_starts_again() -> None:
    stage = StageProgress("target", None, 0.0)
    stage.record(Report(phase="scoring", done=0, total=20, examples=0), 0.0)
    stage.record(Report(phase="scoring", done=20, total=20, examples=20), 1.0)
    stage.record(Report(phase="scoring", done=0, total=20, examples=0), 100.0)
    assert stage.rate is None and stage.remaining is None
    stage.record(Report(phase="scoring", done=5, total=20, examples=5), 101.0)
    assert stage.rate == 5.0 and stage.remaining == 3.0


def test_bars_in_a_terminal(plan, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(
        "xstilts.execution.progress.Console", lambda file: Console(file=file, force_terminal=True, width=160)
    )

    def shown() -> str:
        stream.truncate(0)
        progress._display._bars.refresh()  # pyright: ignore
        return stream.getvalue()

    with Progress(GRAPH, plan, stream, steps={FIRST: 70}) as progress:
        progress(Event(key=FIRST, kind="started"))
        assert "0/70" in shown()
        progress(reported(FIRST, "tokenising", 3000, 8000))
        assert "tokenising" in (page := shown()) and "3,000/8,000" in page
        progress(reported(FIRST, "training", 3, 72, 96, 0.5))
        assert "loss 0.5" in (page := shown()) and "3/72" in page and f"0/{len(GRAPH.stages)}" in page
        progress(Event(key=FIRST, kind="failed", message="it broke"))
    assert "pretrained e5-small: FAILED: it broke" in stream.getvalue()


def test_remaining_time_follows_the_speed_so_far(plan, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 110.0, 110.0])
    monkeypatch.setattr("xstilts.execution.forecast.time.monotonic", lambda: next(clock))
    forecast = Forecast(Counter(evaluate=11, target=1), plan)
    forecast.record("evaluate", 20.0)
    assert forecast.remaining() is None  # the time of targets is unknown
    forecast.record("target", 0.0)
    assert forecast.remaining() == 100.0  # 10 stages of 20 s, by two workers: 20 s of work took 10 s


@pytest.mark.parametrize("terminal", [True, False])
def test_warnings_are_lines_that_change_no_count(plan, monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(
        "xstilts.execution.progress.Console", lambda file: Console(file=file, force_terminal=terminal, width=100)
    )
    with Progress(GRAPH, plan, stream) as progress:
        progress(Event(key=FIRST, kind="started"))
        progress(Event(key=FIRST, kind="warning", message="a [bold]cache[/bold] is damaged"))
        progress(Event(key=FIRST, kind="finished", seconds=1.25))
        progress(Event(key=SECOND, kind="failed", message="it broke"))
    assert "warning: a [bold]cache[/bold] is damaged" in stream.getvalue()
    assert f"2/{len(GRAPH.stages)} {GRAPH.stages[SECOND].title}: FAILED" in stream.getvalue()
