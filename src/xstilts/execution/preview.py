"""Which stages of a graph are cached or missing, and what the missing ones are expected to cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xstilts.execution.cost_history import Cost, CostHistory
from xstilts.planning.graph import Graph
from xstilts.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class KindPlan:
    """The stages of one kind. Costs cover the missing stages with a known cost; None if no cost is known."""

    kind: str
    hits: int
    misses: int
    unmeasured: int
    """Missing stages without a similar earlier stage."""
    seconds: float | None
    bytes: int | None
    peak_memory_mb: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The cached and missing stages of a run, and their expected costs."""

    hits: tuple[str, ...]
    misses: tuple[str, ...]
    kinds: tuple[KindPlan, ...]
    seconds: float | None
    """Of all missing stages, one after another; None = not yet measured."""
    longest_path_seconds: float | None
    """Of the longest chain of dependent missing stages: the minimum with any number of workers."""
    bytes: int | None
    peak_memory_mb: float | None
    """Of the stage that needs most; every worker may need as much."""

    @property
    def unmeasured(self) -> int:
        return sum(kind.unmeasured for kind in self.kinds)

    def elapsed(self, workers: int) -> float | None:
        """A lower bound of the seconds that this number of workers needs."""
        if self.seconds is None or self.longest_path_seconds is None:
            return None
        return max(self.longest_path_seconds, self.seconds / workers)


def stored_stages(graph: Graph, store: Store) -> tuple[str, ...]:
    """The stages with a valid artifact in `store`."""
    return tuple(key for key in graph.stages if store.manifest(key))


def missing_stages(graph: Graph, stored: Iterable[str]) -> tuple[str, ...]:
    """The stages to run, in order: missing results and their missing ancestors.

    Results are the scores that the recipe asks for, and stages that no other stage reads. A removed artifact is not
    recreated unless a missing result depends on it.
    """
    stored_keys, inputs = set(stored), {key for spec in graph.stages.values() for key in spec.inputs}
    results = {cell.artifact for cell in graph.cells} | (graph.stages.keys() - inputs)
    misses: list[str] = []
    ancestors: set[str] = set()
    for key, spec in reversed(tuple(graph.stages.items())):
        missing = key not in stored_keys and (key in results or key in ancestors)
        if missing or key in ancestors:
            ancestors.update(spec.inputs)
        if missing:
            misses.append(key)
    return tuple(reversed(misses))


def preview(graph: Graph, store: Store) -> Plan:
    """The cached and missing stages of `graph`, and the expected cost of the missing ones. Nothing is run."""
    hits = stored_stages(graph, store)
    misses = missing_stages(graph, hits)
    costs = CostHistory(graph, store if misses else None).expected_for(misses)
    kinds = dict.fromkeys(spec.kind for spec in graph.stages.values())
    known = [cost for cost in costs.values() if cost]
    unknown = bool(misses) and not known
    return Plan(
        hits=hits,
        misses=misses,
        kinds=tuple(_kind_plan(kind, graph, hits, misses, costs) for kind in kinds),
        seconds=None if unknown else sum(cost.seconds for cost in known),
        longest_path_seconds=None if unknown else max(_path_seconds(graph, costs).values(), default=0.0),
        bytes=None if unknown else sum(cost.bytes for cost in known),
        peak_memory_mb=None if unknown else max((cost.peak_memory_mb for cost in known), default=0.0),
    )


def _kind_plan(
    kind: str, graph: Graph, hits: Iterable[str], misses: Iterable[str], costs: Mapping[str, Cost | None]
) -> KindPlan:
    kind_costs = [costs[key] for key in misses if graph.stages[key].kind == kind]
    known = [cost for cost in kind_costs if cost]
    unknown = bool(kind_costs) and not known
    return KindPlan(
        kind=kind,
        hits=sum(graph.stages[key].kind == kind for key in hits),
        misses=len(kind_costs),
        unmeasured=len(kind_costs) - len(known),
        seconds=None if unknown else sum(cost.seconds for cost in known),
        bytes=None if unknown else sum(cost.bytes for cost in known),
        peak_memory_mb=None if unknown else max((cost.peak_memory_mb for cost in known), default=0.0),
    )


def _path_seconds(graph: Graph, costs: Mapping[str, Cost | None]) -> dict[str, float]:
    """Seconds until each missing stage ends, with one worker per stage."""
    ends: dict[str, float] = {}
    for key, cost in costs.items():
        start = max((ends.get(parent, 0.0) for parent in graph.stages[key].inputs), default=0.0)
        ends[key] = start + (cost.seconds if cost else 0.0)
    return ends
