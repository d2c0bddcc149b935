"""Runs the missing stages of a graph."""

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

_POLL_SECONDS = 1.0
"""Interval of memory measurements, and of attempts to get locks that other processes hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """`done` are the keys of the stages that ran, `hits` those of stages that were in the store."""

    done: tuple[str, ...]
    hits: tuple[str, ...]
    failed: tuple[Failure, ...]
    skipped: tuple[Skipped, ...]
    seconds: float
    peak_memory_mb: float
    """Peak in MiB of this process and, if the executor measures them, its workers; sampled every second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphStatus:
    """Keys of stored stages, of missing stages, and of running stages with their process."""

    finished: tuple[str, ...]
    missing: tuple[str, ...]
    running: Mapping[str, str]


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
    """Run the missing stages of `graph`, at most `workers` jobs in parallel.

    `executor` is a name in `execution.executor.EXECUTORS`; `runner` is the function that workers call, as a dotted
    path. If a stage fails, only stages that depend on it are skipped. Stages that another process is working on are
    awaited. An interrupt stops the workers at once; finished stages stay in the store. Raises UserError for an unknown
    executor.
    """
    started = time.monotonic()
    create_executor = executor_type(executor)
    with Scheduler(graph, store) as scheduler, closing(create_executor(environment, workers, runner)) as jobs:
        monitor = _MemoryMonitor(jobs)
        while scheduler.waiting or not jobs.idle:
            for event in scheduler.submit(jobs):
                on_event(event)
            for event in jobs.poll(_POLL_SECONDS):
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
    """Which stages are in the store, missing, or running."""
    finished = stored_stages(graph, store)
    return GraphStatus(
        finished=finished,
        missing=missing_stages(graph, finished),
        running={key: holder for key, holder in store.locked().items() if key in graph.stages},
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
            self._next = time.monotonic() + _POLL_SECONDS
