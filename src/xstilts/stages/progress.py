"""News of a stage's own steps, no more often than anyone can read."""

import time
from collections.abc import Callable

from xstilts.execution.environment import Emit, Event
from xstilts.planning.stage import Stage

INTERVAL = 0.25
"""Seconds between two events of one stage."""


def step_reporter(spec: Stage, emit: Emit) -> Callable[[int, int], None]:
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= INTERVAL or done == total:
            last = now
            emit(Event(key=spec.key, kind="progress", done=done, total=total))

    return report
