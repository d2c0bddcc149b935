"""What stages cost when stages like them were run: seconds, disk, memory."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

from xstilts.config.training import Train
from xstilts.planning.graph import Graph
from xstilts.planning.stage import CorpusRead, SplitRead
from xstilts.store.store import Manifest, Store

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The median of earlier stages: seconds, bytes that are left on disk, peak memory of the process in MiB."""

    seconds: float
    bytes: int
    peak_memory_mb: float


class CostHistory:
    """Medians over earlier stages of the same encoder: as alike as possible, else of the task, else of the kind."""

    def __init__(self, graph: Graph, store: Store | None) -> None:
        """By what `store` holds; nothing is known without one."""
        self._graph = graph
        self._inputs = {key: spec.inputs for key, spec in graph.stages.items()}
        self._root = _roots(self._inputs)
        self._costs: dict[Key, list[Cost]] = defaultdict(list)
        self._medians: dict[Key, Cost] = {}
        past = [] if store is None else list(map(_brief, filter(None, map(store.peek, store.keys()))))
        self._inputs.update((key, inputs) for key, inputs, *_ in past)
        for key, _, kind, likeness, cost in past:
            self._record(self._origin(key, kind), likeness, cost)

    def add(self, manifest: Manifest) -> None:
        """Count a stage of the graph that was run now."""
        key, _, kind, likeness, cost = _brief(manifest)
        self._record(self._origin(key, kind), likeness, cost)

    def expected(self, key: str) -> Cost | None:
        """The expected cost of a stage of the graph; None = not yet measured."""
        spec = self._graph.stages[key]
        root = self._origin(key, spec.kind)
        known = (self._median((root, alike)) for alike in _likeness(spec.kind, spec.reads(), vars(spec)))
        return next((cost for cost in known if cost), None)

    def expected_for(self, keys: Iterable[str]) -> dict[str, Cost | None]:
        return {key: self.expected(key) for key in keys}

    def _origin(self, key: str, kind: str) -> str:
        """The published encoder that a stage goes back to; those that begin with none, as translation, are alike."""
        return self._root(key) if self._inputs.get(key) or kind == "pretrained" else kind

    def _record(self, root: str, likeness: tuple[Key, ...], cost: Cost) -> None:
        for alike in likeness:
            self._costs[root, alike].append(cost)
            self._medians.pop((root, alike), None)

    def _median(self, alike: Key) -> Cost | None:
        if alike not in self._medians and (costs := self._costs.get(alike)):
            self._medians[alike] = _median(costs)
        return self._medians.get(alike)


def _brief(manifest: Manifest) -> tuple[str, tuple[str, ...], str, tuple[Key, ...], Cost]:
    """What counts of a manifest: a store may have many."""
    cost = Cost(seconds=manifest.seconds, bytes=manifest.bytes, peak_memory_mb=manifest.peak_memory_mb)
    likeness = tuple(_likeness(manifest.kind, manifest.reads, manifest.spec))
    return manifest.key, manifest.inputs, manifest.kind, likeness, cost


def _roots(inputs: Mapping[str, tuple[str, ...]]) -> Callable[[str], str]:
    """From a key to that of the published encoder that it goes back to."""

    @cache
    def root(key: str) -> str:
        before = inputs.get(key)
        return root(before[0]) if before else key

    return root


def _likeness(kind: str, reads: Sequence[SplitRead | CorpusRead], settings: Mapping[str, Any]) -> Iterator[Key]:
    """What makes two stages of an encoder cost alike, closest first. `settings` are of a spec or of a manifest."""
    tasks = tuple(dict.fromkeys(read.data.task if isinstance(read, SplitRead) else "masked texts" for read in reads))
    sizes = tuple(read.data.max_examples for read in reads if isinstance(read, SplitRead))
    method = settings.get("method")
    name = method["method"] if isinstance(method, dict) else str(method)
    how = (name, *(settings.get(name) for name in ("shots", "selection", "fixed_shots")))
    yield kind, tasks, sizes, how, bool(settings.get("multilingual")), _flat(settings.get("train"))
    yield kind, tasks
    yield (kind,)


def _flat(train: Train | dict[str, Any] | None) -> Key:
    settings = train.model_dump(mode="json") if isinstance(train, Train) else train or {}
    return tuple(sorted((name, value) for name, value in settings.items() if value is not None))


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        seconds=median(cost.seconds for cost in costs),
        bytes=round(median(cost.bytes for cost in costs)),
        peak_memory_mb=median(cost.peak_memory_mb for cost in costs),
    )
