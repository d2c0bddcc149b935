"""Lines and a progress bar of `fit`, on stderr."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

INTERVAL = 10.0
"""Seconds between two lines about the same work where stderr is no terminal."""


class FitProgress:
    """`say` prints a line, `report` shows how much of some work is done: as a bar, or now and then as a line."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, emoji=False, markup=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._name, self._last = "", time.monotonic()

    def __enter__(self) -> "FitProgress":
        if self._is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_terminal:
            self._bar.stop()

    def say(self, line: str) -> None:
        self._console.print(line)

    def report(self, name: str, done: int, total: int) -> None:
        if self._is_terminal:
            if name != self._name or self._task is None:
                if self._task is not None:
                    self._bar.remove_task(self._task)
                self._task = self._bar.add_task(name, total=total)
            self._bar.update(self._task, completed=done, total=total)
        elif time.monotonic() - self._last > INTERVAL:
            self.say(f"{name}: {done:,} of {total:,}")
            self._last = time.monotonic()
        self._name = name

    @property
    def _is_terminal(self) -> bool:
        return sys.stderr.isatty()
