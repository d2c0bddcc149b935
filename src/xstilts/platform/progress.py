"""Reports of how far a computation is, like log messages: any function may report, and a stage's worker sends them.

Reports change no result. Outside `reporting_to`, they do nothing.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, TypeVar

Phase = Literal[
    "reading data",
    "tokenising",
    "image features",
    "frozen layers",
    "training",
    "scoring",
    "sentence vectors",
    "translating",
]

INTERVAL = 0.25
"""Minimum seconds between two reports of the same phase."""
_ITEMS_PER_REPORT = 1000

_Item = TypeVar("_Item")
_Batch = TypeVar("_Batch", bound=Sized)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`done` of `total` units of a phase: optimiser steps in training, otherwise examples, texts or images."""

    phase: Phase
    done: int
    total: int
    """0 if unknown."""
    examples: int
    """Examples so far; in training, one example counts once per epoch."""
    loss: float | None = None


class _Limiter:
    """Passes on a report if its phase is new or complete, or the last report was `INTERVAL` ago."""

    def __init__(self, send: Callable[[Report], None]) -> None:
        self._send, self._phase, self._last = send, "", 0.0

    def report(
        self, phase: Phase, done: int, total: int, examples: int | None, loss: Callable[[], float] | None
    ) -> None:
        now = time.monotonic()
        if phase == self._phase and now - self._last < INTERVAL and done != total:
            return
        self._phase, self._last = phase, now
        count = done if examples is None else examples
        self._send(Report(phase=phase, done=done, total=total, examples=count, loss=loss() if loss else None))


_limiter: ContextVar[_Limiter | None] = ContextVar("progress", default=None)


@contextmanager
def reporting_to(send: Callable[[Report], None]) -> Iterator[None]:
    """Send the reports of the block, and of what it calls in this thread, at a limited rate."""
    token = _limiter.set(_Limiter(send))
    try:
        yield
    finally:
        _limiter.reset(token)


def report(
    phase: Phase, done: int, total: int, *, examples: int | None = None, loss: Callable[[], float] | None = None
) -> None:
    """Report that `done` of `total` units are done. `examples` is `done` by default; `loss` is only called if sent."""
    if limiter := _limiter.get():
        limiter.report(phase, done, total, examples, loss)


def track(phase: Phase, items: Iterable[_Item], total: int) -> Iterator[_Item]:
    """Yield the items and report their number now and then."""
    done = 0
    report(phase, 0, total)
    for done, item in enumerate(items, start=1):
        yield item
        if done % _ITEMS_PER_REPORT == 0:
            report(phase, done, total)
    report(phase, done, total)


def track_batches(phase: Phase, batches: Iterable[_Batch], total: int) -> Iterator[_Batch]:
    """Yield batches, of `total` items together, and report the number of items after each batch."""
    done = 0
    report(phase, 0, total)
    for batch in batches:
        yield batch
        done += len(batch)
        report(phase, done, total)
