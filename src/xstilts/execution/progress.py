"""The progress display of a run on stderr: bars in a terminal, lines otherwise."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.progress import Task as Bar
from rich.table import Column
from rich.text import Text

from xstilts.execution.environment import Event
from xstilts.execution.forecast import Forecast, StageProgress
from xstilts.execution.preview import Plan
from xstilts.planning.expand import Graph
from xstilts.plurals import plural

START_SECONDS = 1.0
"""Seconds after which a line says that a stage has started; shorter stages have one line, at their end."""
LINE_SECONDS = 30.0
"""Seconds between two lines of a running stage. After ten minutes, a twentieth of its time so far."""


class Progress:
    """Displays the events of a run: call it with each event, in a `with` block.

    `plan` has the stages to run and their expected cost, `steps` the planned training steps by key, where known.
    """

    def __init__(
        self, graph: Graph, plan: Plan, stream: TextIO | None = None, *, steps: Mapping[str, int] | None = None
    ) -> None:
        self._stages, self._total, self._steps = graph.stages, len(plan.misses), steps or {}
        self._forecast = Forecast(Counter(graph.stages[key].kind for key in plan.misses), plan)
        self._running: dict[str, StageProgress] = {}
        self._ended = 0
        console = Console(file=stream or sys.stderr)
        self._display = _Bars(console, self._total) if console.is_terminal else _Lines(console, self._total)

    def __call__(self, event: Event) -> None:
        now, display = time.monotonic(), self._display
        if event.kind == "warning":
            return display.print(f"warning: {event.message}")
        spec = self._stages[event.key]
        if event.kind in ("finished", "failed"):
            self._ended += 1
            self._forecast.record(spec.kind, event.seconds)
            self._running.pop(event.key, None)
        else:
            stage = self._running.get(event.key)
            if stage is None:
                stage = self._running[event.key] = StageProgress(spec.title, self._steps.get(event.key), now)
            if event.report:
                stage.record(event.report, now)
            display.update(event.key, stage)
        display.show_total(self._ended, self._total, self._forecast.remaining())
        if event.kind in ("finished", "failed"):
            display.end(event, spec.title)
        return None

    def __enter__(self) -> "Progress":
        self._display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.stop()


class _Lines:
    """Lines when a stage starts, while it runs, and when it ends. A thread prints them also if no event arrives."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._stages: dict[str, StageProgress] = {}
        self._last_line: dict[str, float] = {}
        self._count, self._remaining = f"0/{total}", ""
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._show_regularly, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def print(self, line: str) -> None:
        self._console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def update(self, key: str, stage: StageProgress) -> None:
        with self._lock:
            self._stages[key] = stage

    def end(self, event: Event, title: str) -> None:
        with self._lock:
            self._stages.pop(event.key, None)
            self.print(f"{self._count} {title}: {_ending(event)}")

    def show_total(self, ended: int, total: int, remaining: float | None) -> None:
        self._count = f"{ended}/{total}"
        self._remaining = "" if remaining is None else f"; all stages: {_clock(remaining)} left"

    def show_running(self, now: float) -> None:
        """Print the lines that are due at this time."""
        with self._lock:
            for key, stage in self._stages.items():
                seconds, last = now - stage.started, self._last_line.get(key)
                if last is None and seconds >= START_SECONDS:
                    line = f"started, about {plural(stage.steps, 'step')}" if stage.steps else "started"
                elif last is not None and now - last >= max(LINE_SECONDS, seconds / 20):
                    line = f"{_running(stage) or f'{_clock(seconds)} so far'}{self._remaining}"
                else:
                    continue
                self._last_line[key] = now
                self.print(f"{self._count} {stage.title}: {line}")

    def _show_regularly(self) -> None:
        while not self._stopped.wait(START_SECONDS):
            self.show_running(time.monotonic())


class _Bars:
    """One bar for the graph and one for each running stage, below the lines of failed stages."""

    def __init__(self, console: Console, total: int) -> None:
        title = TextColumn("{task.description}", markup=False, table_column=Column(ratio=3, no_wrap=True))
        details = TextColumn("{task.fields[details]}", markup=False, table_column=Column(no_wrap=True))
        bar = BarColumn(bar_width=None, table_column=Column(ratio=1))
        self._bars = Bars(title, details, bar, _Count(), _Remaining(), console=console, transient=True, expand=True)
        self._graph = self._bars.add_task("all stages", total=total, remaining=None, details="")
        self._running: dict[str, TaskID] = {}
        self._count = ""

    def start(self) -> None:
        self._bars.start()

    def stop(self) -> None:
        self._bars.stop()

    def print(self, line: str) -> None:
        self._bars.console.print(line, markup=False, emoji=False, highlight=False)

    def update(self, key: str, stage: StageProgress) -> None:
        if key not in self._running:
            self._running[key] = self._bars.add_task(stage.title, total=stage.steps, remaining=None, details="")
        if report := stage.report:
            self._bars.update(
                self._running[key],
                total=report.total or None,
                completed=report.done,
                remaining=stage.remaining,
                details=", ".join((report.phase, *_measurements(stage))),
            )

    def end(self, event: Event, title: str) -> None:
        if (bar := self._running.pop(event.key, None)) is not None:
            self._bars.remove_task(bar)
        if event.kind == "failed":
            self.print(f"{self._count} {title}: {_ending(event)}")

    def show_total(self, ended: int, total: int, remaining: float | None) -> None:
        self._count = f"{ended}/{total}"
        self._bars.update(self._graph, completed=ended, remaining=remaining)


class _Count(ProgressColumn):
    def render(self, task: Bar) -> Text:
        count = "" if task.total is None else f"{task.completed:,.0f}/{task.total:,.0f}"
        return Text(count, style="progress.download", justify="right")


class _Remaining(ProgressColumn):
    def render(self, task: Bar) -> Text:
        seconds = task.fields["remaining"]
        return Text("" if seconds is None else f"{_clock(seconds)} left", style="progress.remaining")


def _running(stage: StageProgress) -> str:
    """The phase of a running stage, its count and speed; "" before the first report."""
    if (report := stage.report) is None:
        return ""
    unit = " step" if report.phase == "training" else ""
    count = f"{unit} {report.done:,}/{report.total:,}" if report.total else ""
    remaining = () if stage.remaining is None else (f"{_clock(stage.remaining)} left",)
    return ", ".join((f"{report.phase}{count}", *_measurements(stage), *remaining))


def _measurements(stage: StageProgress) -> tuple[str, ...]:
    loss = () if stage.report is None or stage.report.loss is None else (f"loss {stage.report.loss:.3g}",)
    return (*loss, *(() if stage.rate is None else (f"{stage.rate:,.0f} examples/s",)))


def _ending(event: Event) -> str:
    if event.kind == "failed":
        return f"FAILED: {event.message.partition(chr(10))[0]}"
    return event.message or f"{event.seconds:.1f} s"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
