"""Runs the missing stages of a graph. A stage that fails stops only those that depend on it."""

import os
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from xstilts.execution.environment import Emit, Environment
from xstilts.execution.executor import RUN_JOB, Executor, MeasuresMemory, executor_type
from xstilts.execution.preview import missing_stages, stored_stages
from xstilts.execution.scheduler import Failure, Scheduler, Skipped
from xstilts.planning.expand import Graph
from xstilts.platform import memory
from xstilts.store.store import Store

_TICK = 1.0
"""Seconds between two measurements of memory, and between two attempts at locks that other processes hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run did. `done` are the keys of stages that it ran, `hits` of those that were in the store."""

    done: tuple[str, ...]
    hits: tuple[str, ...]
    failed: tuple[Failure, ...]
    skipped: tuple[Skipped, ...]
    seconds: float
    peak_memory_mb: float
    """Of this process, and of its workers where the executor measures them, in MiB; sampled every second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphStatus:
    """Keys of the stages that are in the store, of those that are missing, and who is working on which."""

    finished: tuple[str, ...]
    missing: tuple[str, ...]
    working: Mapping[str, str]


def run_graph(
    graph: Graph,
    store: Store,
    environment: Environment,
    workers: int,
    on_event: Emit,
    *,
    executor: str = "local",
    runner: str = RUN_JOB,
) -> RunResult:
    """Run the stages that `graph` needs and `store` lacks, at most `workers` jobs at once.

    `executor` is a name in `execution.executor.EXECUTORS`; `runner` is the function that workers call, as a dotted
    path. A stage that fails does not stop those that do not depend on it. A stage that another process is working on
    is waited for. After an interrupt, the workers are stopped at once and finished stages stay. Raises UserError for
    an unknown executor.
    """
    started = time.monotonic()
    make_executor = executor_type(executor)
    with Scheduler(graph, store) as scheduler, closing(make_executor(environment, workers, runner)) as jobs:
        monitor = _MemoryMonitor(jobs)
        while scheduler.waiting or not jobs.idle:
            for event in scheduler.submit(jobs):
                on_event(event)
            for event in jobs.poll(_TICK):
                on_event(scheduler.record(event))
            monitor.sample()
        monitor.sample()
    return RunResult(
        done=tuple(scheduler.done),
        hits=tuple(scheduler.hits),
        failed=tuple(scheduler.failed.values()),
        skipped=scheduler.skipped(),
        seconds=time.monotonic() - started,
        peak_memory_mb=monitor.peak_mb,
    )


def graph_status(graph: Graph, store: Store) -> GraphStatus:
    """Which stages are in the store, which are missing, and which are being worked on at this moment."""
    finished = stored_stages(graph, store)
    locked = store.locked()
    return GraphStatus(
        finished=finished,
        missing=missing_stages(graph, finished),
        working={key: who for key, who in locked.items() if key in graph.stages},
    )


@dataclass(slots=True)
class _MemoryMonitor:
    executor: Executor
    peak_mb: float = 0.0
    _next: float = 0.0

    def sample(self) -> None:
        if time.monotonic() >= self._next:
            workers_mb = self.executor.used_memory_mb() if isinstance(self.executor, MeasuresMemory) else 0.0
            self.peak_mb = max(self.peak_mb, memory.used_mb((os.getpid(),)) + workers_mb)
            self._next = time.monotonic() + _TICK
