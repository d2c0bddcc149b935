"""The state of a run: which stages are stored, ready, running or failed."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from types import TracebackType

from xstilts.execution.cost_history import CostHistory
from xstilts.execution.environment import Event
from xstilts.execution.executor import Executor
from xstilts.execution.preview import missing_stages, stored_stages
from xstilts.planning.expand import Graph
from xstilts.planning.specs import Spec
from xstilts.platform import locks
from xstilts.store.store import Store

WAIT_NOTICE_SECONDS = 3.0
"""Seconds until a warning names the process that a stage waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    key: str
    title: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A stage that did not run. `because` is the title of the failed stage that it depends on."""

    key: str
    title: str
    because: str


class Scheduler:
    """The state of one run. It holds the locks of running stages: use it in a `with` block."""

    def __init__(self, graph: Graph, store: Store) -> None:
        self._graph, self._store = graph, store
        self.hits = list(stored_stages(graph, store))
        self.done: list[str] = []
        self.failed: dict[str, Failure] = {}
        self.waiting: dict[str, dict[str, Spec]] = {}
        """Stages whose inputs are stored, by group. The stages of a group form one job."""
        self._running: dict[str, locks.Lock] = {}
        self._blocked_since: dict[str, float] = {}
        self._named_holders = {""}
        self._misses = missing_stages(graph, self.hits)
        self._lengths = _path_lengths(graph, self._misses)
        self._costs = CostHistory(graph, store if self._misses else None)
        self._seconds = {
            key: cost.seconds if cost else 0.0 for key, cost in self._costs.expected_for(self._misses).items()
        }
        self._order = TopologicalSorter(
            {key: [parent for parent in graph.stages[key].inputs if parent in self._lengths] for key in self._misses}
        )
        self._order.prepare()
        self._collect_ready()
        locks.raise_file_limit(len(self._misses))

    def submit(self, executor: Executor) -> Iterator[Event]:
        """Submit the jobs that `executor` can start, those on the longest path first.

        Yields `finished` for stages that another process has completed in the meantime. Stages that another process is
        working on keep waiting, and so do jobs whose expected memory is not free. After a few seconds, a warning names
        the process.
        """
        for group in sorted(self.waiting, key=self._urgency, reverse=True):
            if not executor.can_start(max(spec.threads for spec in self.waiting[group].values())):
                return
            memory_mb = self._expected_memory(self.waiting[group])
            if not self._fits(memory_mb, executor.memory_mb):
                continue
            specs = tuple(self.waiting[group].values())
            claimed = [spec for spec in specs if self._claim(group, spec)]
            for spec in specs:
                if spec.key not in self._running and (holder := self._slow_holder(spec.key)):
                    message = f"waiting for {holder}, which is working on {spec.title}"
                    yield Event(key=spec.key, kind="warning", message=message)
            for spec in claimed:
                if self._store.manifest(spec.key):
                    self._running.pop(spec.key).release()
                    self.hits.append(spec.key)
                    self._mark_done(spec.key)
                    yield Event(key=spec.key, kind="finished", message="completed by another process")
            if missing := tuple(spec for spec in claimed if spec.key in self._running):
                executor.submit(missing, memory_mb)

    def record(self, event: Event) -> Event:
        """Record an executor's event and return it; `failed` if a finished stage has no complete artifact."""
        if event.kind not in ("finished", "failed") or event.key not in self._running:
            return event
        manifest = self._store.manifest(event.key) if event.kind == "finished" else None
        if manifest is not None:
            self._costs.add(manifest)
        elif event.kind == "finished":
            event = Event(key=event.key, kind="failed", message="it finished without a complete artifact")
        self._running.pop(event.key).release()
        if event.kind == "finished":
            self.done.append(event.key)
            self._mark_done(event.key)
        else:
            title = self._graph.stages[event.key].title
            self.failed[event.key] = Failure(key=event.key, title=title, message=event.message, hint=event.hint)
        return event

    def skipped(self) -> tuple[Skipped, ...]:
        """The stages that depend on a failed stage."""
        causes = {key: failure.title for key, failure in self.failed.items()}
        skipped: list[Skipped] = []
        for key in self._misses:
            stage = self._graph.stages[key]
            if because := next((causes[parent] for parent in stage.inputs if parent in causes), None):
                causes[key] = because
                skipped.append(Skipped(key=key, title=stage.title, because=because))
        return tuple(skipped)

    def __enter__(self) -> "Scheduler":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lock in self._running.values():
            lock.release()
        self._running.clear()

    def _collect_ready(self) -> None:
        for key in self._order.get_ready():
            spec = self._graph.stages[key]
            self.waiting.setdefault(spec.group, {})[key] = spec

    def _mark_done(self, key: str) -> None:
        self._order.done(key)
        self._collect_ready()

    def _claim(self, group: str, spec: Spec) -> bool:
        lock = self._store.try_lock(spec.key)
        if lock is None:
            return False
        self._running[spec.key] = lock
        del self.waiting[group][spec.key]
        if not self.waiting[group]:
            del self.waiting[group]
        return True

    def _slow_holder(self, key: str) -> str | None:
        """The other process that has had a stage's lock for a few seconds; each process once."""
        since = self._blocked_since.setdefault(key, time.monotonic())
        if time.monotonic() - since < WAIT_NOTICE_SECONDS:
            return None
        holder = self._store.holder(key) or ""
        process = holder.partition(" since ")[0]
        if process in self._named_holders:
            return None
        self._named_holders.add(process)
        return holder

    def _fits(self, memory_mb: float, available_mb: float | None) -> bool:
        """Whether a job fits into memory next to the running jobs. A job that runs alone always fits."""
        if available_mb is None:
            return True
        running: dict[str, list[str]] = defaultdict(list)
        for key in self._running:
            running[self._graph.stages[key].group].append(key)
        used_mb = sum(self._expected_memory(keys) for keys in running.values())
        return not used_mb or used_mb + memory_mb <= available_mb

    def _expected_memory(self, keys: Iterable[str]) -> float:
        """Peak memory in MiB of a process that runs these stages one after another; 0 if unknown."""
        return max((cost.peak_memory_mb for key in keys if (cost := self._costs.expected(key))), default=0.0)

    def _urgency(self, group: str) -> tuple[int, float, int]:
        keys = self.waiting[group]
        return max(self._lengths[key] for key in keys), sum(self._seconds[key] for key in keys), len(keys)


def _path_lengths(graph: Graph, misses: tuple[str, ...]) -> dict[str, int]:
    """The number of stages on the longest path that starts at each stage."""
    lengths = dict.fromkeys(misses, 1)
    for key in reversed(misses):
        for parent in graph.stages[key].inputs:
            if parent in lengths:
                lengths[parent] = max(lengths[parent], lengths[key] + 1)
    return lengths
