"""Progress events of a stage, at a limited rate."""

import time
from collections.abc import Callable

from xstilts.execution.environment import Emit, Event
from xstilts.planning.stage import Stage

INTERVAL = 0.25
"""Minimum seconds between two events of a stage."""


def step_reporter(spec: Stage, emit: Emit) -> Callable[[int, int], None]:
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= INTERVAL or done == total:
            last = now
            emit(Event(key=spec.key, kind="progress", done=done, total=total))

    return report
