"""How far a run is: which stages are stored, which may start, which run, which failed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from types import TracebackType

from xstilts.execution.cost_history import CostHistory
from xstilts.execution.environment import Event
from xstilts.execution.executors import Pool
from xstilts.execution.preview import missing_stages, stored_stages
from xstilts.planning.expand import Graph
from xstilts.planning.specs import Spec
from xstilts.platform import memory
from xstilts.store import locks
from xstilts.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    key: str
    title: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A stage that was not run; `because` is the title of the failed stage that it needs."""

    key: str
    title: str
    because: str


class Scheduler:
    """The state of one run. It holds the locks of the stages that run; to be used in a `with` block."""

    def __init__(self, graph: Graph, store: Store) -> None:
        self._graph, self._store = graph, store
        self.hits = list(stored_stages(graph, store))
        self.done: list[str] = []
        self.failed: dict[str, Failure] = {}
        self.waiting: dict[str, dict[str, Spec]] = {}
        """Stages whose inputs are there, by group."""
        self._running: dict[str, locks.Lock] = {}
        self._misses = missing_stages(graph, self.hits)
        self._heights = _path_lengths(graph, self._misses)
        self._costs = CostHistory(graph, store if self._misses else None)
        self._seconds = {key: cost.seconds if cost else 0.0 for key, cost in self._costs.of_all(self._misses).items()}
        self._room_mb = memory.available_mb()
        self._order = TopologicalSorter({key: self._parents(key) for key in self._misses})
        self._order.prepare()
        self._collect_ready()
        locks.allow(len(self._misses))

    def submit(self, pool: Pool) -> Iterator[Event]:
        """Give jobs to free workers, those before the longest path first. Yields what another process made meanwhile.

        A stage that another process works on keeps waiting, and so does a job that would need more memory than is left
        beside those that run, as far as stages like them were measured.
        """
        for group in sorted(self.waiting, key=self._urgency, reverse=True):
            if not pool.free(max(spec.threads for spec in self.waiting[group].values())):
                return
            if not self._fits(group):
                continue
            claimed = [spec for spec in tuple(self.waiting[group].values()) if self._claim(group, spec)]
            made = [spec for spec in claimed if self._store.manifest(spec.key)]
            for spec in made:
                self._running.pop(spec.key).release()
                self.hits.append(spec.key)
                self._mark_done(spec.key)
                yield Event(key=spec.key, kind="finished", message="made by another process")
            if left := [spec for spec in claimed if spec.key in self._running]:
                pool.submit(tuple(left))

    def note(self, event: Event) -> Event:
        """Book the end of a stage. One that is said to be finished must be in the store, else it failed."""
        if event.kind not in ("finished", "failed") or event.key not in self._running:
            return event
        manifest = self._store.manifest(event.key) if event.kind == "finished" else None
        if manifest is not None:
            self._costs.learn(manifest)
        elif event.kind == "finished":
            event = Event(key=event.key, kind="failed", message="it ended, but left nothing whole in the store")
        self._running.pop(event.key).release()
        if event.kind == "finished":
            self.done.append(event.key)
            self._mark_done(event.key)
        else:
            title = self._graph.stages[event.key].title
            self.failed[event.key] = Failure(key=event.key, title=title, message=event.message, hint=event.hint)
        return event

    def skipped(self) -> tuple[Skipped, ...]:
        """The stages that need one that failed."""
        blamed = {key: failure.title for key, failure in self.failed.items()}
        found: list[Skipped] = []
        for key in self._misses:
            stage = self._graph.stages[key]
            if because := next((blamed[parent] for parent in stage.inputs if parent in blamed), None):
                blamed[key] = because
                found.append(Skipped(key=key, title=stage.title, because=because))
        return tuple(found)

    def __enter__(self) -> "Scheduler":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lock in self._running.values():
            lock.release()
        self._running.clear()

    def _parents(self, key: str) -> tuple[str, ...]:
        return tuple(parent for parent in self._graph.stages[key].inputs if parent in self._heights)

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

    def _fits(self, group: str) -> bool:
        """Whether a job's memory is there beside that of the running ones. One alone always may."""
        by_group: dict[str, list[str]] = defaultdict(list)
        for key in self._running:
            by_group[self._graph.stages[key].group].append(key)
        taken = sum(self._memory(keys) for keys in by_group.values())
        return not taken or taken + self._memory(self.waiting[group]) <= self._room_mb

    def _memory(self, keys: Iterable[str]) -> float:
        """MiB of the process that runs these stages, one after another; 0 where nothing like them was measured."""
        return max((cost.peak_memory_mb for key in keys if (cost := self._costs.of(key))), default=0.0)

    def _urgency(self, group: str) -> tuple[int, float, int]:
        keys = self.waiting[group]
        return max(self._heights[key] for key in keys), sum(self._seconds[key] for key in keys), len(keys)


def _path_lengths(graph: Graph, misses: tuple[str, ...]) -> dict[str, int]:
    """How many stages stand on the longest path that begins with each."""
    heights = dict.fromkeys(misses, 1)
    for key in reversed(misses):
        for parent in graph.stages[key].inputs:
            if parent in heights:
                heights[parent] = max(heights[parent], heights[key] + 1)
    return heights
