"""What a graph takes before anything like it was run: floating-point operations, GPU-hours and kept weights."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xstilts.encoders import EncoderCard
from xstilts.errors import UserError
from xstilts.planning.expand import Graph
from xstilts.planning.flops import StageFlops
from xstilts.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """What turns operations into hours. The default is the A100's peak for dense bf16 products, as NVIDIA gives it."""

    tflops: float = 312.0
    utilisation: float = 0.4
    """Part of the peak that is reached."""

    def __post_init__(self) -> None:
        if not self.tflops > 0:
            raise UserError(f"--tflops must be positive, got {self.tflops:g}")
        if not 0 < self.utilisation <= 1:
            raise UserError(f"--utilisation must be between 0 and 1, got {self.utilisation:g}")

    def hours(self, flops: float) -> float:
        return flops / (self.tflops * 1e12 * self.utilisation) / 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class KindEstimate:
    """The stages of one kind that are to be run. Sums are of those that can be told; None where none can."""

    kind: str
    stages: int
    unknown: int
    """Stages whose operations are not known."""
    flops: float | None
    gpu_hours: float | None
    bytes: int | None
    """Of weights that are kept; None where the encoder's size is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlopsEstimate:
    kinds: tuple[KindEstimate, ...]
    flops: float | None
    gpu_hours: float | None
    bytes: int | None
    processor: Processor
    unknown: int
    why: tuple[str, ...]
    """What is not known of which task or encoder."""
    assumed: tuple[str, ...]
    """Tasks whose lengths were not measured, and what they are taken to be."""


def estimate_flops(
    graph: Graph, misses: Iterable[str], tasks: Mapping[str, Task], card: EncoderCard, processor: Processor
) -> FlopsEstimate:
    """What `misses`, stages of `graph`, take at most. Nothing is read."""
    meter = StageFlops(graph=graph, tasks=tasks, card=card)
    wanted = [graph.stages[key] for key in misses]
    flops = [meter.flops(spec) for spec in wanted]
    kept = [meter.bytes(spec) for spec in wanted]
    kinds = tuple(
        _of_kind(kind, [n for n, spec in enumerate(wanted) if spec.kind == kind], flops, kept, processor)
        for kind in dict.fromkeys(spec.kind for spec in wanted)
    )
    total = _sum(flops)
    return FlopsEstimate(
        kinds=kinds,
        flops=total,
        gpu_hours=None if total is None else processor.hours(total),
        bytes=None if None in kept else sum(size for size in kept if size),
        processor=processor,
        unknown=flops.count(None),
        why=tuple(meter.unknown_reasons),
        assumed=tuple(f"{name} {found.assumed}" for name, found in sorted(meter.lengths_used.items()) if found.assumed),
    )


def _of_kind(
    kind: str, numbers: list[int], flops: list[float | None], kept: list[int | None], processor: Processor
) -> KindEstimate:
    found, sizes = [flops[n] for n in numbers], [kept[n] for n in numbers]
    total = _sum(found)
    return KindEstimate(
        kind=kind,
        stages=len(numbers),
        unknown=found.count(None),
        flops=total,
        gpu_hours=None if total is None else processor.hours(total),
        bytes=None if None in sizes else sum(size for size in sizes if size),
    )


def _sum(values: list[float | None]) -> float | None:
    """None where all that is known takes nothing."""
    total = sum(value for value in values if value is not None)
    return None if None in values and not total else total
