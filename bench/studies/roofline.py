"""The theoretical cost of a training step: FLOPs, memory traffic, memory, and the lower bound on time.

`python bench/studies/roofline.py` prints the numbers of docs/roofline.md; with `--measure`, also this machine's memory
bandwidth, which takes seconds and is noisy. Heads and everything between matrix products are left out.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

Precision = Literal["fp32", "bf16"]
UPDATE_BYTES = 12 + 28
"""Per trained parameter: the norm reads its gradient, clipping rewrites it, AdamW reads 16 and writes 12."""
PASS_BYTES: dict[Precision, int] = {"fp32": 4 + 4 + 4, "bf16": 6 + 2 + 2 + 2 + 6}
"""Per matrix entry: read forward, read backward, gradient written; in bf16 also a cast before and one after."""
CPU_FLOPS: dict[Precision, float] = {"fp32": 200e9, "bf16": 430e9}
"""FLOP/s of the machine in docs/roofline.md ("here")."""
CPU_BANDWIDTH = 47e9
"""Bytes per second."""
H100_FLOPS, H100_BANDWIDTH = 989e12, 3.35e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    name: str
    layers: int
    hidden: int
    feed_forward: int
    heads: int
    vocabulary: int
    other_rows: int
    """Other embedding rows: positions, token types and the two vectors of the layer norm."""

    @property
    def layer_parameters(self) -> int:
        """Matrices, biases and two layer norms."""
        return 4 * self.hidden**2 + 2 * self.hidden * self.feed_forward + 9 * self.hidden + self.feed_forward

    def flops(self, length: int) -> int:
        """Forward FLOPs per sub-word and layer, with attention as two full products."""
        return 8 * self.hidden**2 + 4 * self.hidden * self.feed_forward + 4 * self.hidden * length

    def activation_bytes(self, length: int, precision: Precision, fused: bool = False) -> int:
        """Bytes kept for the backward pass per sub-word and layer. Fused attention keeps no probabilities."""
        width, probabilities = 2 if precision == "bf16" else 4, 0 if fused else self.heads * length
        product_inputs = 6 * self.hidden + 2 * self.feed_forward + 2 * probabilities
        return width * product_inputs + 10 * self.hidden + probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One training step. `rows` is the size of a compacted vocabulary; the output of `frozen` layers is cached."""

    encoder: Encoder
    length: int
    rows: int | None = None
    frozen: int = 0
    sentences: int = 32

    @property
    def layer_parameters(self) -> int:
        return (self.encoder.layers - self.frozen) * self.encoder.layer_parameters

    @property
    def embedding_parameters(self) -> int:
        return ((self.rows or self.encoder.vocabulary) + self.encoder.other_rows) * self.encoder.hidden

    @property
    def trained_parameters(self) -> int:
        return self.layer_parameters + (0 if self.frozen else self.embedding_parameters)

    @property
    def flops(self) -> int:
        """Three forward passes. The lowest trained projections above frozen layers need no input gradient."""
        input_gradient = 6 * self.encoder.hidden**2 if self.frozen else 0
        forward = (self.encoder.layers - self.frozen) * self.encoder.flops(self.length)
        return self.sentences * self.length * (3 * forward - input_gradient)

    def activation_bytes(self, precision: Precision, fused: bool = False) -> int:
        tokens, layers = self.sentences * self.length, self.encoder.layers - self.frozen
        return tokens * layers * self.encoder.activation_bytes(self.length, precision, fused)

    def pass_bytes(self, precision: Precision) -> int:
        """Traffic of the forward and backward pass without activations. The embeddings' gradient is zero-filled."""
        return PASS_BYTES[precision] * self.layer_parameters + 4 * (self.trained_parameters - self.layer_parameters)

    def memory_bytes(self, precision: Precision) -> int:
        """Weights, gradients, moments, bf16 copies and activations."""
        frozen = self.frozen * self.encoder.layer_parameters + (self.embedding_parameters if self.frozen else 0)
        copies = 2 * self.layer_parameters if precision == "bf16" else 0
        return 4 * frozen + 16 * self.trained_parameters + copies + self.activation_bytes(precision)

    def lower_bound(
        self, precision: Precision, flop_rate: float, bandwidth: float, fused: bool = False
    ) -> tuple[float, float]:
        """Seconds of the step, and the fraction that the update takes.

        The update needs the norm of all gradients, so it cannot overlap with the rest.
        """
        update = UPDATE_BYTES * self.trained_parameters / bandwidth
        traffic = self.pass_bytes(precision) + 2 * self.activation_bytes(precision, fused)
        total = max(self.flops / flop_rate, traffic / bandwidth) + update
        return total, update / total


E5 = Encoder(
    name="e5-small", layers=12, hidden=384, feed_forward=1536, heads=12, vocabulary=250_037, other_rows=512 + 2 + 2
)
LARGE = Encoder(
    name="XLM-R Large", layers=24, hidden=1024, feed_forward=4096, heads=16, vocabulary=250_002, other_rows=514 + 1 + 2
)
SIZES = ((E5, 42), (LARGE, 42), (LARGE, 128))


def costs(step: Step) -> str:
    traffic = step.pass_bytes("bf16"), 2 * step.activation_bytes("bf16"), UPDATE_BYTES * step.trained_parameters
    gigabytes = " | ".join(f"{size / 1e9:.2f}" for size in (*traffic, step.memory_bytes("bf16")))
    return f"{step.trained_parameters / 1e6:.1f} | {step.flops / 1e12:.3f} | {gigabytes}"


def lower_bounds(step: Step) -> str:
    fp32, bf16 = (step.lower_bound(precision, CPU_FLOPS[precision], CPU_BANDWIDTH) for precision in ("fp32", "bf16"))
    seconds, update = step.lower_bound("bf16", H100_FLOPS, H100_BANDWIDTH, fused=True)
    return " | ".join(f"{time:.2f} | {share:.0%}" for time, share in (fp32, bf16, (1e3 * seconds, update)))


def print_table(cells: Callable[[Step], str]) -> None:
    for encoder, length in SIZES:
        half = encoder.layers // 2
        settings = {
            "full": (None, 0),
            "20,000 rows": (20_000, 0),
            "8,000 rows": (8_000, 0),
            f"{half} frozen": (None, half),
        }
        for setting, (rows, frozen) in settings.items():
            step = Step(encoder=encoder, length=length, rows=rows, frozen=frozen)
            print(f"| {encoder.name}, {step.sentences} x {length} | {setting} | {cells(step)} |")


def print_notes() -> None:
    for encoder, length in SIZES:
        flops, bf16_bytes = encoder.flops(length), encoder.activation_bytes(length, "bf16")
        first_token_saving = (flops - 4 * encoder.hidden**2) / flops / encoder.layers
        print(f"{encoder.name}, {length}: {encoder.layer_parameters:,} parameters per layer, full table", end=" ")
        print(f"{4 * encoder.hidden * encoder.vocabulary / 1e9:.2f} GB,", end=" ")
        print(f"cache {2 * encoder.hidden:,} bytes per sub-word;")
        print(f"  attention {4 * encoder.hidden * length / flops:.1%} of FLOPs; a first-token top layer saves", end=" ")
        print(f"{first_token_saving:.1%}, or {2 * first_token_saving:.1%} with half frozen;", end=" ")
        print(f"activations {bf16_bytes:,} bytes (bf16),", end=" ")
        print(f"{encoder.activation_bytes(length, 'fp32'):,} (fp32),", end=" ")
        print(f"without attention probabilities {bf16_bytes - 5 * encoder.heads * length:,}")
    for name, balance in (("here", CPU_FLOPS["bf16"] / CPU_BANDWIDTH), ("H100", H100_FLOPS / H100_BANDWIDTH)):
        tokens = UPDATE_BYTES / 6 * balance
        print(
            f"{name}: {balance:.0f} FLOPs per byte; the update takes as long as the products at {tokens:,.0f} sub-words"
        )


def measure_bandwidth(size: int = 100_000_000, rounds: int = 5) -> None:
    """GB/s with two threads of copying 400 MB and of AdamW on 160 MB of weights, the best round of each."""
    import torch

    def best(run: Callable[[], object], traffic: float) -> float:
        times = [(perf_counter(), run(), perf_counter()) for _ in range(rounds)]
        return traffic / min(end - start for start, _, end in times) / 1e9

    torch.set_num_threads(2)
    source, target = torch.ones(size), torch.zeros(size)
    weight = torch.nn.Parameter(torch.zeros(size * 2 // 5))
    weight.grad = torch.ones_like(weight)
    adam = torch.optim.AdamW([weight], fused=True)
    copy_rate, update_rate = best(lambda: target.copy_(source), 8 * size), best(adam.step, 28 * weight.numel())
    print(f"copy {copy_rate:.0f} GB/s, AdamW {update_rate:.0f} GB/s")


if __name__ == "__main__":
    print_table(costs)
    print_table(lower_bounds)
    print_notes()
    if "--measure" in sys.argv[1:]:
        measure_bandwidth()
