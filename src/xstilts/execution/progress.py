"""What a run tells while it works, on stderr: bars in a terminal, else a line for each stage that ended."""

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
    """Takes the events of a run (call it with each); to be used in a `with` block.

    `plan` says what the run has to do, and what stages took before.
    """

    def __init__(self, graph: Graph, plan: Plan, stream: TextIO | None = None) -> None:
        self._stages, self._total = graph.stages, len(plan.misses)
        self._forecast = Forecast(Counter(graph.stages[key].kind for key in plan.misses), plan)
        self._ended = 0
        console = Console(file=stream or sys.stderr)
        self._show = _Bars(console, self._total) if console.is_terminal else _Lines(console)

    def __call__(self, event: Event) -> None:
        stage = self._stages[event.key]
        if event.kind in ("finished", "failed"):
            self._ended += 1
            self._forecast.record(stage.kind, event.seconds)
        self._show.tell(event, stage.title, f"{self._ended}/{self._total}")
        self._show.overall(self._ended, self._forecast.remaining())

    def __enter__(self) -> "Progress":
        self._show.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show.stop()


class Forecast:
    """Seconds that are left: stages that are left, by what their kind takes, at the pace so far."""

    def __init__(self, left: Counter[str], plan: Plan) -> None:
        self._left = left
        self._before = {
            kind.kind: kind.seconds / (kind.misses - kind.unmeasured)
            for kind in plan.kinds
            if kind.seconds is not None and kind.misses > kind.unmeasured
        }
        self._took: dict[str, list[float]] = defaultdict(list)
        self._started = time.monotonic()

    def record(self, kind: str, seconds: float) -> None:
        self._left[kind] -= 1
        if seconds:
            self._took[kind].append(seconds)

    def remaining(self) -> float | None:
        """None until something is known of every kind that is left."""
        each = {kind: self._each(kind) for kind, count in self._left.items() if count > 0}
        done = sum(sum(took) for took in self._took.values())
        if not done or None in each.values():
            return None
        pace = done / max(time.monotonic() - self._started, 1e-9)
        return sum(self._left[kind] * (seconds or 0.0) for kind, seconds in each.items()) / pace

    def _each(self, kind: str) -> float | None:
        took = self._took[kind]
        return sum(took) / len(took) if took else self._before.get(kind)


class _Lines:
    """One line for each stage that ended."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def overall(self, ended: int, left: float | None) -> None: ...

    def tell(self, event: Event, title: str, count: str) -> None:
        if line := _line(event, title, count):
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Bars:
    """A bar for each running stage under one for the graph; failures stay above them."""

    def __init__(self, console: Console, total: int) -> None:
        title = TextColumn("{task.description}", markup=False, table_column=Column(ratio=3, no_wrap=True))
        columns = (title, BarColumn(bar_width=None, table_column=Column(ratio=1)), MofNCompleteColumn(), _Left())
        self._bars = Bars(*columns, console=console, transient=True, expand=True)
        self._graph = self._bars.add_task("all stages", total=total, left=None)
        self._running: dict[str, TaskID] = {}

    def start(self) -> None:
        self._bars.start()

    def stop(self) -> None:
        self._bars.stop()

    def overall(self, ended: int, left: float | None) -> None:
        self._bars.update(self._graph, completed=ended, left=left)

    def tell(self, event: Event, title: str, count: str) -> None:
        if event.kind in ("finished", "failed"):
            if (bar := self._running.pop(event.key, None)) is not None:
                self._bars.remove_task(bar)
            if event.kind == "failed":
                self._bars.console.print(_line(event, title, count), markup=False, highlight=False)
        elif event.key not in self._running:
            self._running[event.key] = self._bars.add_task(title, total=event.total or None)
        else:
            self._bars.update(self._running[event.key], completed=event.done, total=event.total or None)


class _Left(ProgressColumn):
    def render(self, task: Bar) -> Text:
        left = task.fields.get("left", task.time_remaining)
        return Text("" if left is None else f"{_clock(left)} left", style="progress.remaining")


def _line(event: Event, title: str, count: str) -> str:
    match event.kind:
        case "finished":
            return f"{count} {title}: {event.message or f'{event.seconds:.1f} s'}"
        case "failed":
            return f"{count} {title}: FAILED: {event.message.partition(chr(10))[0]}"
        case _:
            return ""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
