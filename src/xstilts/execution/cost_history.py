"""Predicts seconds, disk and memory of stages from earlier stages."""

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
    """Seconds, bytes of the artifact on disk, and peak memory of the process in MiB."""

    seconds: float
    bytes: int
    peak_memory_mb: float


class CostHistory:
    """Median costs of earlier stages of an encoder: with similar settings, else of the same tasks, else of the kind."""

    def __init__(self, graph: Graph, store: Store | None) -> None:
        """The history of `store`, or an empty one."""
        self._graph = graph
        self._inputs = {key: spec.inputs for key, spec in graph.stages.items()}
        self._encoder_of = _encoder_lookup(self._inputs)
        self._costs: dict[Key, list[Cost]] = defaultdict(list)
        self._medians: dict[Key, Cost] = {}
        records = [] if store is None else list(map(_summarise, filter(None, map(store.peek, store.keys()))))
        self._inputs.update((key, inputs) for key, inputs, *_ in records)
        for key, _, kind, similarity_keys, cost in records:
            self._record(self._origin(key, kind), similarity_keys, cost)

    def add(self, manifest: Manifest) -> None:
        """Add a stage of the graph that has just run."""
        key, _, kind, similarity_keys, cost = _summarise(manifest)
        self._record(self._origin(key, kind), similarity_keys, cost)

    def expected(self, key: str) -> Cost | None:
        """The expected cost of a stage of the graph; None = not yet measured."""
        spec = self._graph.stages[key]
        origin = self._origin(key, spec.kind)
        medians = (self._median((origin, similar)) for similar in _similarity_keys(spec.kind, spec.reads(), vars(spec)))
        return next((cost for cost in medians if cost), None)

    def expected_for(self, keys: Iterable[str]) -> dict[str, Cost | None]:
        return {key: self.expected(key) for key in keys}

    def _origin(self, key: str, kind: str) -> str:
        """The key of a stage's pretrained encoder. Stages without one, such as translation, are grouped by kind."""
        return self._encoder_of(key) if self._inputs.get(key) or kind == "pretrained" else kind

    def _record(self, origin: str, similarity_keys: tuple[Key, ...], cost: Cost) -> None:
        for similar in similarity_keys:
            self._costs[origin, similar].append(cost)
            self._medians.pop((origin, similar), None)

    def _median(self, key: Key) -> Cost | None:
        if key not in self._medians and (costs := self._costs.get(key)):
            self._medians[key] = Cost(
                seconds=median(cost.seconds for cost in costs),
                bytes=round(median(cost.bytes for cost in costs)),
                peak_memory_mb=median(cost.peak_memory_mb for cost in costs),
            )
        return self._medians.get(key)


def _summarise(manifest: Manifest) -> tuple[str, tuple[str, ...], str, tuple[Key, ...], Cost]:
    """The few values of a manifest that are needed: a store may have many manifests."""
    cost = Cost(seconds=manifest.seconds, bytes=manifest.bytes, peak_memory_mb=manifest.peak_memory_mb)
    similarity_keys = tuple(_similarity_keys(manifest.kind, manifest.reads, manifest.spec))
    return manifest.key, manifest.inputs, manifest.kind, similarity_keys, cost


def _encoder_lookup(inputs: Mapping[str, tuple[str, ...]]) -> Callable[[str], str]:
    """A function from the key of a stage to the key of its pretrained encoder."""

    @cache
    def encoder(key: str) -> str:
        parents = inputs.get(key)
        return encoder(parents[0]) if parents else key

    return encoder


def _similarity_keys(kind: str, reads: Sequence[SplitRead | CorpusRead], settings: Mapping[str, Any]) -> Iterator[Key]:
    """Keys that are equal for stages of similar cost, closest first. `settings` are those of a spec or a manifest."""
    tasks = tuple(dict.fromkeys(read.data.task if isinstance(read, SplitRead) else "masked texts" for read in reads))
    sizes = tuple(read.data.max_examples for read in reads if isinstance(read, SplitRead))
    method = settings.get("method")
    method_name = method["method"] if isinstance(method, dict) else str(method)
    fewshot = (method_name, *(settings.get(name) for name in ("shots", "selection", "fixed_shots")))
    train = settings.get("train")
    train_settings = train.model_dump(mode="json") if isinstance(train, Train) else train or {}
    train_key = tuple(sorted((name, value) for name, value in train_settings.items() if value is not None))
    yield kind, tasks, sizes, fewshot, bool(settings.get("multilingual")), train_key
    yield kind, tasks
    yield (kind,)
