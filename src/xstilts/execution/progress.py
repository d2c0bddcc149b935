"""The progress display of a run on stderr: bars in a terminal, otherwise one line per completed stage."""

import sys
import time
from collections import Counter, defaultdict
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.progress import Task as Bar
from rich.table import Column
from rich.text import Text

from xstilts.execution.environment import Event
from xstilts.execution.preview import Plan
from xstilts.planning.expand import Graph


class Progress:
    """Displays the events of a run: call it with each event, in a `with` block.

    `plan` has the stages to run and their expected cost.
    """

    def __init__(self, graph: Graph, plan: Plan, stream: TextIO | None = None) -> None:
        self._stages, self._total = graph.stages, len(plan.misses)
        self._forecast = Forecast(Counter(graph.stages[key].kind for key in plan.misses), plan)
        self._ended = 0
        console = Console(file=stream or sys.stderr)
        self._display = _Bars(console, self._total) if console.is_terminal else _Lines(console)

    def __call__(self, event: Event) -> None:
        if event.kind == "warning":
            return self._display.warn(event.message)
        stage = self._stages[event.key]
        if event.kind in ("finished", "failed"):
            self._ended += 1
            self._forecast.record(stage.kind, event.seconds)
        self._display.show(event, stage.title, f"{self._ended}/{self._total}")
        self._display.show_total(self._ended, self._forecast.remaining())
        return None

    def __enter__(self) -> "Progress":
        self._display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.stop()


class Forecast:
    """Predicts the remaining seconds of a run from the mean time of each kind and the speed so far."""

    def __init__(self, pending: Counter[str], plan: Plan) -> None:
        """`pending` counts the stages to run by kind."""
        self._pending = pending
        self._planned = {
            kind.kind: kind.seconds / (kind.misses - kind.unmeasured)
            for kind in plan.kinds
            if kind.seconds is not None and kind.misses > kind.unmeasured
        }
        self._measured: dict[str, list[float]] = defaultdict(list)
        self._started = time.monotonic()

    def record(self, kind: str, seconds: float) -> None:
        self._pending[kind] -= 1
        if seconds:
            self._measured[kind].append(seconds)

    def remaining(self) -> float | None:
        """None until the time of every pending kind is known."""
        mean_seconds = {kind: self._mean_seconds(kind) for kind, count in self._pending.items() if count > 0}
        done = sum(sum(seconds) for seconds in self._measured.values())
        if not done or None in mean_seconds.values():
            return None
        speed = done / max(time.monotonic() - self._started, 1e-9)
        return sum(self._pending[kind] * (seconds or 0.0) for kind, seconds in mean_seconds.items()) / speed

    def _mean_seconds(self, kind: str) -> float | None:
        seconds = self._measured[kind]
        return sum(seconds) / len(seconds) if seconds else self._planned.get(kind)


class _Lines:
    """One line per completed stage."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def show_total(self, ended: int, remaining: float | None) -> None: ...

    def warn(self, message: str) -> None:
        self._console.print(f"warning: {message}", markup=False, emoji=False, highlight=False, soft_wrap=True)

    def show(self, event: Event, title: str, count: str) -> None:
        if line := _line(event, title, count):
            self._console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)


class _Bars:
    """One bar for the graph and one for each running stage, below the lines of failed stages."""

    def __init__(self, console: Console, total: int) -> None:
        title = TextColumn("{task.description}", markup=False, table_column=Column(ratio=3, no_wrap=True))
        columns = (title, BarColumn(bar_width=None, table_column=Column(ratio=1)), MofNCompleteColumn(), _Remaining())
        self._bars = Bars(*columns, console=console, transient=True, expand=True)
        self._graph = self._bars.add_task("all stages", total=total, remaining=None)
        self._running: dict[str, TaskID] = {}

    def start(self) -> None:
        self._bars.start()

    def stop(self) -> None:
        self._bars.stop()

    def show_total(self, ended: int, remaining: float | None) -> None:
        self._bars.update(self._graph, completed=ended, remaining=remaining)

    def warn(self, message: str) -> None:
        self._bars.console.print(f"warning: {message}", markup=False, emoji=False, highlight=False)

    def show(self, event: Event, title: str, count: str) -> None:
        if event.kind in ("finished", "failed"):
            if (bar := self._running.pop(event.key, None)) is not None:
                self._bars.remove_task(bar)
            if event.kind == "failed":
                self._bars.console.print(_line(event, title, count), markup=False, emoji=False, highlight=False)
        elif event.key not in self._running:
            self._running[event.key] = self._bars.add_task(title, total=event.total or None)
        else:
            self._bars.update(self._running[event.key], completed=event.done, total=event.total or None)


class _Remaining(ProgressColumn):
    def render(self, task: Bar) -> Text:
        seconds = task.fields.get("remaining", task.time_remaining)
        return Text("" if seconds is None else f"{_clock(seconds)} left", style="progress.remaining")


def _line(event: Event, title: str, count: str) -> str:
    match event.kind:
        case "finished":
            return f"{count} {title}: {event.message or f'{event.seconds:.1f} s'}"
        case "failed":
            return f"{count} {title}: FAILED: {event.message.partition(chr(10))[0]}"
        case _:
            return ""


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
