"""Predicts the remaining time of a run and of its running stages, from their speed so far."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass

from xstilts.execution.preview import Plan
from xstilts.platform.progress import Report


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


@dataclass(slots=True)
class _PhaseStart:
    seconds: float
    done: int
    examples: int


class StageProgress:
    """The reports of a running stage. Times are by the monotonic clock."""

    def __init__(self, title: str, steps: int | None, now: float) -> None:
        """`steps` is the planned number of training steps, if known."""
        self.title, self.steps, self.started = title, steps, now
        self.report: Report | None = None
        self.rate: float | None = None
        """Examples per second since the phase began."""
        self.remaining: float | None = None
        """Expected seconds until the end of the phase."""
        self._starts: dict[str, _PhaseStart] = {}

    def record(self, report: Report, now: float) -> None:
        start = self._starts.get(report.phase)
        if start is None or report.done <= start.done or report.examples < start.examples:
            start = self._starts[report.phase] = _PhaseStart(now, report.done, report.examples)
        seconds, done = now - start.seconds, report.done - start.done
        self.report, self.rate, self.remaining = report, None, None
        if seconds > 0 and done > 0:
            self.rate = (report.examples - start.examples) / seconds
            self.remaining = (report.total - report.done) * seconds / done if report.total else None
