"""What a training step costs on paper: operations, bytes and memory, and the time that neither can go below.

`python bench/studies/roofline.py` prints the numbers of docs/roofline.md; with `--measure`, this machine's memory
bandwidth too, which takes seconds and is noisy. Heads, and whatever lies between the products, are left out.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

Precision = Literal["fp32", "bf16"]
UPDATE = 12 + 28
"""Bytes of a trained parameter: the norm reads its gradient, clipping rewrites it, AdamW reads 16 and writes 12."""
PASS: dict[Precision, int] = {"fp32": 4 + 4 + 4, "bf16": 6 + 2 + 2 + 2 + 6}
"""Bytes of a matrix's entry: read forward, read backward, gradient written; in bf16 a cast before and one after."""
HERE: dict[Precision, float] = {"fp32": 200e9, "bf16": 430e9}
HERE_BANDWIDTH = 47e9
H100, H100_BANDWIDTH = 989e12, 3.35e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    name: str
    layers: int
    hidden: int
    forward: int
    heads: int
    rows: int
    others: int
    """Rows of the embeddings beside the words': positions, types, and the two vectors of the norm."""

    @property
    def layer(self) -> int:
        """Parameters of a layer: matrices, biases, two norms."""
        return 4 * self.hidden**2 + 2 * self.hidden * self.forward + 9 * self.hidden + self.forward

    def operations(self, length: int) -> int:
        """Of one sub-word in one layer, forward; attention as two plain products."""
        return 8 * self.hidden**2 + 4 * self.hidden * self.forward + 4 * self.hidden * length

    def activations(self, length: int, precision: Precision, fused: bool = False) -> int:
        """Bytes that one sub-word in one layer keeps for the way back; fused attention keeps no shares."""
        wide, shares = 2 if precision == "bf16" else 4, 0 if fused else self.heads * length
        return wide * (6 * self.hidden + 2 * self.forward + 2 * shares) + 10 * self.hidden + shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One way to train: `rows` of the embeddings where they are compacted, `frozen` layers run beforehand."""

    encoder: Encoder
    length: int
    rows: int | None = None
    frozen: int = 0
    sentences: int = 32

    @property
    def matrices(self) -> int:
        return (self.encoder.layers - self.frozen) * self.encoder.layer

    @property
    def embeddings(self) -> int:
        return ((self.rows or self.encoder.rows) + self.encoder.others) * self.encoder.hidden

    @property
    def trained(self) -> int:
        return self.matrices + (0 if self.frozen else self.embeddings)

    @property
    def operations(self) -> int:
        """Three forward passes; above frozen layers the first projections need no gradient of what they read."""
        spared = 6 * self.encoder.hidden**2 if self.frozen else 0
        above = (self.encoder.layers - self.frozen) * self.encoder.operations(self.length)
        return self.sentences * self.length * (3 * above - spared)

    def activations(self, precision: Precision, fused: bool = False) -> int:
        tokens, layers = self.sentences * self.length, self.encoder.layers - self.frozen
        return tokens * layers * self.encoder.activations(self.length, precision, fused)

    def passes(self, precision: Precision) -> int:
        """Bytes moved forward and backward, without activations; the table's gradient is filled with zeros."""
        return PASS[precision] * self.matrices + 4 * (self.trained - self.matrices)

    def held(self, precision: Precision) -> int:
        """Bytes of weights, gradients, moments, bf16 copies and activations."""
        frozen = self.frozen * self.encoder.layer + (self.embeddings if self.frozen else 0)
        copies = 2 * self.matrices if precision == "bf16" else 0
        return 4 * frozen + 16 * self.trained + copies + self.activations(precision)

    def floor(self, precision: Precision, rate: float, bandwidth: float, fused: bool = False) -> tuple[float, float]:
        """Seconds, and the update's part: it waits for the norm of all gradients, so nothing hides it."""
        update = UPDATE * self.trained / bandwidth
        moved = self.passes(precision) + 2 * self.activations(precision, fused)
        total = max(self.operations / rate, moved / bandwidth) + update
        return total, update / total


E5 = Encoder(name="e5-small", layers=12, hidden=384, forward=1536, heads=12, rows=250_037, others=512 + 2 + 2)
LARGE = Encoder(name="XLM-R Large", layers=24, hidden=1024, forward=4096, heads=16, rows=250_002, others=514 + 1 + 2)
SIZES = ((E5, 42), (LARGE, 42), (LARGE, 128))


def work(step: Step) -> str:
    moved = step.passes("bf16"), 2 * step.activations("bf16"), UPDATE * step.trained, step.held("bf16")
    return f"{step.trained / 1e6:.1f} | {step.operations / 1e12:.3f} | " + " | ".join(f"{b / 1e9:.2f}" for b in moved)


def floors(step: Step) -> str:
    slow, fast = (step.floor(precision, HERE[precision], HERE_BANDWIDTH) for precision in ("fp32", "bf16"))
    there = step.floor("bf16", H100, H100_BANDWIDTH, fused=True)
    return " | ".join(f"{time:.2f} | {part:.0%}" for time, part in (slow, fast, (1e3 * there[0], there[1])))


def table(cells: Callable[[Step], str]) -> None:
    for encoder, length in SIZES:
        half = encoder.layers // 2
        ways = {"full": (None, 0), "20,000 rows": (20_000, 0), "8,000 rows": (8_000, 0), f"{half} frozen": (None, half)}
        for way, (rows, frozen) in ways.items():
            step = Step(encoder=encoder, length=length, rows=rows, frozen=frozen)
            print(f"| {encoder.name}, {step.sentences} x {length} | {way} | {cells(step)} |")


def notes() -> None:
    for encoder, length in SIZES:
        whole, kept = encoder.operations(length), encoder.activations(length, "bf16")
        top = (whole - 4 * encoder.hidden**2) / whole / encoder.layers
        print(f"{encoder.name}, {length}: {encoder.layer:,} parameters a layer, full table", end=" ")
        print(f"{4 * encoder.hidden * encoder.rows / 1e9:.2f} GB, cache {2 * encoder.hidden:,} bytes a sub-word;")
        print(
            f"  attention {4 * encoder.hidden * length / whole:.1%} of operations; a first token alone saves", end=" "
        )
        print(f"{top:.1%}, or {2 * top:.1%} with half frozen; kept {kept:,} bytes (bf16),", end=" ")
        print(f"{encoder.activations(length, 'fp32'):,} (fp32), without shares {kept - 5 * encoder.heads * length:,}")
    for name, balance in (("here", HERE["bf16"] / HERE_BANDWIDTH), ("H100", H100 / H100_BANDWIDTH)):
        print(f"{name}: {balance:.0f} operations a byte; update = products at {UPDATE / 6 * balance:,.0f} sub-words")


def measure(size: int = 100_000_000, rounds: int = 5) -> None:
    """GB/s on two threads of a copy of 400 MB and of AdamW on 160 MB of weights, the best round of each."""
    import torch

    def best(run: Callable[[], object], moved: float) -> float:
        starts = [(perf_counter(), run(), perf_counter()) for _ in range(rounds)]
        return moved / min(end - start for start, _, end in starts) / 1e9

    torch.set_num_threads(2)
    source, target = torch.ones(size), torch.zeros(size)
    weight = torch.nn.Parameter(torch.zeros(size * 2 // 5))
    weight.grad = torch.ones_like(weight)
    adam = torch.optim.AdamW([weight], fused=True)
    copied, updated = best(lambda: target.copy_(source), 8 * size), best(adam.step, 28 * weight.numel())
    print(f"copy {copied:.0f} GB/s, AdamW {updated:.0f} GB/s")


if __name__ == "__main__":
    table(work)
    table(floors)
    notes()
    if "--measure" in sys.argv[1:]:
        measure()
