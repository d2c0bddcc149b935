"""What a graph still needs, and what that cost when it was measured before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xstilts.execution.cost_history import Cost, CostHistory
from xstilts.planning.graph import Graph
from xstilts.store.store import Store


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


def stored_stages(graph: Graph, store: Store) -> tuple[str, ...]:
    """The stages that `store` holds undamaged. Their manifests are not kept: a graph may have many."""
    return tuple(key for key in graph.stages if store.manifest(key))


def missing_stages(graph: Graph, stored: Iterable[str]) -> tuple[str, ...]:
    """The stages to run, in order: scores that are not there, and what stands before them and is not there.

    An artifact that was removed is not made again while nothing needs it.
    """
    there, scores = set(stored), {cell.artifact for cell in graph.cells}
    misses: list[str] = []
    ancestors: set[str] = set()
    for key, spec in reversed(tuple(graph.stages.items())):
        missing = key not in there and (key in scores or key in ancestors)
        if missing or key in ancestors:
            ancestors.update(spec.inputs)
        if missing:
            misses.append(key)
    return tuple(reversed(misses))


def preview(graph: Graph, store: Store) -> Plan:
    """Hits and misses of `graph` in `store`, and what the misses are expected to take. Nothing is run."""
    found = stored_stages(graph, store)
    misses = missing_stages(graph, found)
    costs = CostHistory(graph, store if misses else None).expected_for(misses)
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
