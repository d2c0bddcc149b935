"""What a graph still needs, and what that cost when it was measured before."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

from xstilts.engine.plan import Graph
from xstilts.engine.store import Manifest, Store
from xstilts.settings import Train
from xstilts.stages.specs import Spec
from xstilts.stages.stage import Data

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The median of earlier stages: seconds, bytes that are left on disk, peak memory of the process in MiB."""

    seconds: float
    bytes: int
    peak_memory_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KindPlan:
    """The stages of one kind. Seconds and bytes are of the misses that can be told; None where none can."""

    kind: str
    hits: int
    misses: int
    unmeasured: int
    """Misses of which nothing like them was run before."""
    seconds: float | None
    bytes: int | None
    peak_memory_mb: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would find and do."""

    hits: tuple[str, ...]
    misses: tuple[str, ...]
    kinds: tuple[KindPlan, ...]
    seconds: float | None
    """Of all misses, one after another; None = not yet measured."""
    longest_path_seconds: float | None
    """Of the misses that must follow each other: no number of workers is faster."""
    bytes: int | None
    peak_memory_mb: float | None
    """Of the most demanding stage; every worker may take as much."""

    @property
    def unmeasured(self) -> int:
        return sum(kind.unmeasured for kind in self.kinds)

    def elapsed(self, workers: int) -> float | None:
        """Seconds that so many workers need at least."""
        if self.seconds is None or self.longest_path_seconds is None:
            return None
        return max(self.longest_path_seconds, self.seconds / workers)


class Costs:
    """Medians over earlier stages of the same encoder: as alike as possible, else of the task, else of the kind."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        seen: dict[Key, list[Cost]] = defaultdict(list)
        inputs, past = {}, []
        for manifest in manifests:
            inputs[manifest.key] = manifest.inputs
            past.append((manifest.key, tuple(_likeness(manifest.kind, manifest.spec)), _cost(manifest)))
        root = _roots(inputs)
        for key, likeness, cost in past:
            for alike in likeness:
                seen[root(key), alike].append(cost)
        self._medians = {alike: _median(costs) for alike, costs in seen.items()}

    def of(self, spec: Spec, root: str) -> Cost | None:
        """The expected cost of a stage whose encoder is the artifact `root`; None = not yet measured."""
        known = (self._medians.get((root, alike)) for alike in _likeness(spec.kind, vars(spec)))
        return next((cost for cost in known if cost), None)


def whole(graph: Graph, store: Store) -> tuple[str, ...]:
    """The stages that `store` holds undamaged. Their manifests are not kept: a graph may have many."""
    return tuple(key for key in graph.stages if store.manifest(key))


def needed(graph: Graph, found: Iterable[str]) -> tuple[str, ...]:
    """The stages to run, in order: scores that are not there, and what stands before them and is not there.

    An artifact that was removed is not made again while nothing needs it.
    """
    there, scores = set(found), {cell.artifact for cell in graph.cells}
    misses: list[str] = []
    ancestors: set[str] = set()
    for key, spec in reversed(tuple(graph.stages.items())):
        missing = key not in there and (key in scores or key in ancestors)
        if missing or key in ancestors:
            ancestors.update(spec.inputs)
        if missing:
            misses.append(key)
    return tuple(reversed(misses))


def price(graph: Graph, store: Store) -> Plan:
    """Hits and misses of `graph` in `store`, and what the misses are expected to take. Nothing is run."""
    found = whole(graph, store)
    misses = needed(graph, found)
    costs = expected(graph, store, misses)
    kinds = dict.fromkeys(spec.kind for spec in graph.stages.values())
    known = [cost for cost in costs.values() if cost]
    unknown = bool(misses) and not known
    return Plan(
        hits=found,
        misses=misses,
        kinds=tuple(_kind_plan(kind, graph, found, misses, costs) for kind in kinds),
        seconds=None if unknown else sum(cost.seconds for cost in known),
        longest_path_seconds=None if unknown else max(_path_seconds(graph, costs).values(), default=0.0),
        bytes=None if unknown else sum(cost.bytes for cost in known),
        peak_memory_mb=None if unknown else max((cost.peak_memory_mb for cost in known), default=0.0),
    )


def expected(graph: Graph, store: Store, misses: Iterable[str]) -> dict[str, Cost | None]:
    """What each of `misses` is expected to cost, by what `store` holds; None = not yet measured."""
    wanted = tuple(misses)
    if not wanted:
        return {}
    costs = Costs(filter(None, map(store.peek, store.keys())))
    root = _roots({key: spec.inputs for key, spec in graph.stages.items()})
    return {key: costs.of(graph.stages[key], root(key)) for key in wanted}


def _kind_plan(
    kind: str, graph: Graph, found: Iterable[str], misses: Iterable[str], costs: Mapping[str, Cost | None]
) -> KindPlan:
    mine = [costs[key] for key in misses if graph.stages[key].kind == kind]
    known = [cost for cost in mine if cost]
    unknown = bool(mine) and not known
    return KindPlan(
        kind=kind,
        hits=sum(graph.stages[key].kind == kind for key in found),
        misses=len(mine),
        unmeasured=len(mine) - len(known),
        seconds=None if unknown else sum(cost.seconds for cost in known),
        bytes=None if unknown else sum(cost.bytes for cost in known),
        peak_memory_mb=None if unknown else max((cost.peak_memory_mb for cost in known), default=0.0),
    )


def _path_seconds(graph: Graph, costs: Mapping[str, Cost | None]) -> dict[str, float]:
    """Seconds until each miss is done, if there were a worker for every stage."""
    until: dict[str, float] = {}
    for key, cost in costs.items():
        before = max((until.get(parent, 0.0) for parent in graph.stages[key].inputs), default=0.0)
        until[key] = before + (cost.seconds if cost else 0.0)
    return until


def _roots(inputs: Mapping[str, tuple[str, ...]]) -> Callable[[str], str]:
    """From a key to that of the published encoder that it goes back to."""

    @cache
    def root(key: str) -> str:
        before = inputs.get(key)
        return root(before[0]) if before else key

    return root


def _likeness(kind: str, settings: Mapping[str, Any]) -> Iterator[Key]:
    """What makes two stages of an encoder cost alike, closest first. `settings` are of a spec or of a manifest."""
    data = settings.get("evaluation") or settings.get("data")
    parts = data if isinstance(data, tuple | list) else [data] if data else []
    used = [part if isinstance(part, dict) else _fields(part) for part in parts]
    tasks = (*(part["task"] for part in used), *(["masked texts"] if settings.get("mlm") else []))
    sizes = tuple(part["max_examples"] for part in used)
    how = tuple(settings.get(name) for name in ("method", "shots", "selection", "published"))
    yield kind, tasks, sizes, how, bool(settings.get("mixed")), _flat(settings.get("train"))
    yield kind, tasks
    yield (kind,)


def _fields(data: Data) -> dict[str, Any]:
    return {"task": data.task, "max_examples": data.max_examples}


def _flat(train: Train | dict[str, Any] | None) -> Key:
    settings = train.model_dump(mode="json") if isinstance(train, Train) else train or {}
    return tuple(sorted(settings.items()))


def _cost(manifest: Manifest) -> Cost:
    return Cost(seconds=manifest.seconds, bytes=manifest.bytes, peak_memory_mb=manifest.peak_memory_mb)


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        seconds=median(cost.seconds for cost in costs),
        bytes=round(median(cost.bytes for cost in costs)),
        peak_memory_mb=median(cost.peak_memory_mb for cost in costs),
    )
