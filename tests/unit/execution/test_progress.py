import io
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console
from tests.unit.planning.world import TASKS, recipe

from xstilts.execution.environment import Event
from xstilts.execution.preview import preview
from xstilts.execution.progress import Forecast, Progress
from xstilts.planning.expand import expand
from xstilts.store.store import Store

GRAPH = expand(recipe(), TASKS, "1234")
FIRST, SECOND = list(GRAPH.stages)[:2]


@pytest.fixture
def plan(tmp_path: Path):
    return preview(GRAPH, Store(tmp_path / "store"))


def test_one_line_per_stage_without_a_terminal(plan) -> None:
    stream = io.StringIO()
    with Progress(GRAPH, plan, stream) as progress:
        progress(Event(key=FIRST, kind="started"))
        progress(Event(key=FIRST, kind="progress", done=1, total=2))
        progress(Event(key=FIRST, kind="finished", seconds=1.25))
        progress(Event(key=SECOND, kind="failed", message="it broke\nhere"))
    total = len(GRAPH.stages)
    assert stream.getvalue().splitlines() == [
        f"1/{total} pretrained e5-small: 1.2 s",
        f"2/{total} {GRAPH.stages[SECOND].title}: FAILED: it broke",
    ]


def test_bars_in_a_terminal(plan, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(
        "xstilts.execution.progress.Console", lambda file: Console(file=file, force_terminal=True, width=100)
    )
    with Progress(GRAPH, plan, stream) as progress:
        progress(Event(key=FIRST, kind="started"))
        progress(Event(key=FIRST, kind="progress", done=3, total=8))
        progress._display._bars.refresh()  # pyright: ignore
        shown = stream.getvalue()
        progress(Event(key=FIRST, kind="failed", message="it broke"))
    assert "pretrained e5-small" in shown and "3/8" in shown and f"0/{len(GRAPH.stages)}" in shown
    assert "pretrained e5-small: FAILED: it broke" in stream.getvalue()


def test_remaining_time_follows_the_speed_so_far(plan, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 110.0, 110.0])
    monkeypatch.setattr("xstilts.execution.progress.time.monotonic", lambda: next(clock))
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
