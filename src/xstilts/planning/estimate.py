"""Cost estimates without earlier runs: floating-point operations, GPU-hours and bytes of stored weights."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xstilts.encoders import EncoderCard
from xstilts.errors import UserError
from xstilts.planning.flops import StageFlops
from xstilts.planning.graph import Graph
from xstilts.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """A GPU, to convert operations into hours. The default peak is NVIDIA's figure for dense bf16 on an A100."""

    tflops: float = 312.0
    utilisation: float = 0.4
    """Achieved fraction of the peak."""

    def __post_init__(self) -> None:
        if not self.tflops > 0:
            raise UserError(f"--tflops must be positive, got {self.tflops:g}")
        if not 0 < self.utilisation <= 1:
            raise UserError(f"--utilisation must be between 0 and 1, got {self.utilisation:g}")

    def hours(self, flops: float) -> float:
        return flops / (self.tflops * 1e12 * self.utilisation) / 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class KindEstimate:
    """The missing stages of one kind. Sums include the stages with a known cost; None if there are none."""

    kind: str
    stages: int
    unknown: int
    """Stages whose operations are unknown."""
    flops: float | None
    gpu_hours: float | None
    bytes: int | None
    """Of stored weights; None if the size of the encoder is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlopsEstimate:
    kinds: tuple[KindEstimate, ...]
    flops: float | None
    gpu_hours: float | None
    bytes: int | None
    processor: Processor
    unknown: int
    why: tuple[str, ...]
    """The numbers that are unknown, each with its task or encoder."""
    assumed: tuple[str, ...]
    """Tasks whose lengths were not measured, with the assumed lengths."""


def estimate_flops(
    graph: Graph, misses: Iterable[str], tasks: Mapping[str, Task], card: EncoderCard, processor: Processor
) -> FlopsEstimate:
    """Upper bounds for `misses`, keys of missing stages of `graph`. Reads no file."""
    meter = StageFlops(graph=graph, tasks=tasks, card=card)
    specs = [graph.stages[key] for key in misses]
    flops, sizes = [meter.flops(spec) for spec in specs], [meter.bytes(spec) for spec in specs]

    def estimate_kind(kind: str) -> KindEstimate:
        rows = [row for row, spec in enumerate(specs) if spec.kind == kind]
        kind_flops = [flops[row] for row in rows]
        total = _sum_known(kind_flops)
        return KindEstimate(
            kind=kind,
            stages=len(rows),
            unknown=kind_flops.count(None),
            flops=total,
            gpu_hours=None if total is None else processor.hours(total),
            bytes=_sum_all([sizes[row] for row in rows]),
        )

    total = _sum_known(flops)
    return FlopsEstimate(
        kinds=tuple(estimate_kind(kind) for kind in dict.fromkeys(spec.kind for spec in specs)),
        flops=total,
        gpu_hours=None if total is None else processor.hours(total),
        bytes=_sum_all(sizes),
        processor=processor,
        unknown=flops.count(None),
        why=tuple(meter.unknown_reasons),
        assumed=tuple(
            f"{name} {lengths.assumed}" for name, lengths in sorted(meter.lengths_used.items()) if lengths.assumed
        ),
    )


def planned_steps(graph: Graph, misses: Iterable[str], tasks: Mapping[str, Task], card: EncoderCard) -> dict[str, int]:
    """The estimated training steps of `misses`, without stages that do not train or whose data has an unknown size."""
    meter = StageFlops(graph=graph, tasks=tasks, card=card)
    steps = {key: meter.steps(graph.stages[key]) for key in misses}
    return {key: math.ceil(count) for key, count in steps.items() if count is not None}


def _sum_known(values: list[float | None]) -> float | None:
    """The sum without unknown values; None if some are unknown and the others are zero."""
    total = sum(value for value in values if value is not None)
    return None if None in values and not total else total


def _sum_all(sizes: list[int | None]) -> int | None:
    """None if any is unknown."""
    return None if None in sizes else sum(size for size in sizes if size)
