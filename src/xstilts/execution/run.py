"""Runs a graph: what is stored is left alone, what is missing goes to the workers, what fails stops no other."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from xstilts.execution.environment import Emit, Environment
from xstilts.execution.executors import RUN_JOB, Pool
from xstilts.execution.preview import missing_stages, stored_stages
from xstilts.execution.scheduler import Failure, Scheduler, Skipped
from xstilts.planning.expand import Graph
from xstilts.platform import memory
from xstilts.store.store import Store

_TICK = 1.0
"""Seconds between two looks at memory, and at locks of other processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did. `done` and `hits` are keys: made in this run, or found in the store."""

    done: tuple[str, ...]
    hits: tuple[str, ...]
    failed: tuple[Failure, ...]
    skipped: tuple[Skipped, ...]
    seconds: float
    peak_memory_mb: float
    """Of this process and its workers together, sampled every second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a graph stands: keys of stages that are stored, that are missing, and who works on which."""

    finished: tuple[str, ...]
    missing: tuple[str, ...]
    working: Mapping[str, str]


def run(
    graph: Graph, store: Store, environment: Environment, workers: int, on_event: Emit, runner: str = RUN_JOB
) -> Outcome:
    """Run what `graph` needs and `store` lacks, in at most `workers` processes; `runner` is what they call.

    A stage that fails does not stop those that do not need it. A stage that another process works on is waited for.
    Interrupted, the workers are killed at once and what was finished is kept.
    """
    started, gauge = time.monotonic(), _MemoryMonitor()
    with Scheduler(graph, store) as walk, Pool(environment, workers, runner) as pool:
        while walk.waiting or not pool.idle:
            for event in walk.submit(pool):
                on_event(event)
            for event in pool.events(_TICK):
                on_event(walk.note(event))
            gauge.read(pool.pids)
    gauge.read(())
    return Outcome(
        done=tuple(walk.done),
        hits=tuple(walk.hits),
        failed=tuple(walk.failed.values()),
        skipped=walk.skipped(),
        seconds=time.monotonic() - started,
        peak_memory_mb=gauge.peak_mb,
    )


def status(graph: Graph, store: Store) -> Status:
    """What is finished and what is missing, and the stages that processes hold at this moment."""
    finished = stored_stages(graph, store)
    locked = store.locked()
    return Status(
        finished=finished,
        missing=missing_stages(graph, finished),
        working={key: who for key, who in locked.items() if key in graph.stages},
    )


@dataclass(slots=True)
class _MemoryMonitor:
    peak_mb: float = 0.0
    _next: float = 0.0

    def read(self, pids: tuple[int, ...]) -> None:
        if time.monotonic() >= self._next:
            self.peak_mb = max(self.peak_mb, memory.used_mb((os.getpid(), *pids)))
            self._next = time.monotonic() + _TICK
