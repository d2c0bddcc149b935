"""Activations of frozen layers for many features, in one block of memory or in a file.

Thousands of small tensors would fragment the heap.
"""

import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Protocol, overload

import torch
from torch import Tensor

from xstilts.errors import StageError

IN_MEMORY = 1 << 30
"""Maximum size in bytes of activations in memory; larger ones go to a file."""

Shape = tuple[int, int]
"""The number of choices (1 except for multiple choice) and the sub-words of the longest one."""


class Block(Protocol):
    """Storage for rows [sub-words, hidden]."""

    nbytes: int
    on_disk: bool

    def read(self, start: int, rows: int) -> Tensor: ...
    def write(self, start: int, rows: Tensor) -> None: ...


class MemoryBlock:
    on_disk = False

    def __init__(self, rows: int, hidden: int, dtype: torch.dtype) -> None:
        self._rows = torch.empty(rows, hidden, dtype=dtype)
        self.nbytes = self._rows.nbytes

    def read(self, start: int, rows: int) -> Tensor:
        return self._rows[start : start + rows]

    def write(self, start: int, rows: Tensor) -> None:
        self._rows[start : start + len(rows)] = rows


class FileBlock:
    """An unnamed temporary file in TMPDIR, which disappears with the process. Raises StageError if the disk is full.

    It is not memory-mapped, because mapped pages would count as memory of the process.
    """

    on_disk = True

    def __init__(self, rows: int, hidden: int, dtype: torch.dtype) -> None:
        self._hidden, self._dtype, self._width = hidden, dtype, hidden * dtype.itemsize
        self.nbytes = rows * self._width
        self._file = tempfile.TemporaryFile(prefix="xstilts-")  # noqa: SIM115
        try:
            (getattr(os, "posix_fallocate", None) or _write_zeros)(self._file.fileno(), 0, self.nbytes)
        except OSError as error:
            raise StageError(
                f"no room for {self.nbytes / 1e9:.1f} GB of activations in {tempfile.gettempdir()}: {error.strerror}",
                "set TMPDIR to a folder on a larger disk, or reduce the stage's `activation_cache_gb`",
            ) from error

    def read(self, start: int, rows: int) -> Tensor:
        data = bytearray(os.pread(self._file.fileno(), rows * self._width, start * self._width))
        return torch.frombuffer(data, dtype=self._dtype).view(rows, self._hidden)

    def write(self, start: int, rows: Tensor) -> None:
        data = rows.to(self._dtype).contiguous().flatten().view(torch.uint8).numpy()
        os.pwrite(self._file.fileno(), data.data, start * self._width)


class Activations(Sequence[Tensor]):
    """Tensors [choices, tokens, hidden], one per feature, read from a block on access.

    `spans` has the first row in the block and the shape of each feature.
    """

    def __init__(self, block: Block, spans: Sequence[tuple[int, Shape]]) -> None:
        self.block, self.spans = block, spans

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> "Activations": ...
    def __getitem__(self, index: int | slice) -> "Tensor | Activations":
        if isinstance(index, slice):
            return self.subset(range(len(self))[index])
        start, shape = self.spans[index]
        return self.block.read(start, math.prod(shape)).view(*shape, -1)

    def put(self, index: int, value: Tensor) -> None:
        """Write the activations of a feature."""
        start, shape = self.spans[index]
        self.block.write(start, value.reshape(math.prod(shape), -1))

    def __len__(self) -> int:
        return len(self.spans)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[index] for index in range(len(self)))

    def subset(self, indices: Iterable[int]) -> "Activations":
        """The activations of some features; nothing is copied."""
        return Activations(self.block, [self.spans[index] for index in indices])


def exceeds_memory(size: int) -> bool:
    """Whether activations of `size` bytes go to a file."""
    return size > IN_MEMORY


def fits(size: int, disk: int) -> bool:
    """Whether `size` bytes may be cached: in memory, or in a file of at most `disk` bytes."""
    return size <= disk or not exceeds_memory(size)


def allocate(shapes: Sequence[Shape], hidden: int, dtype: torch.dtype) -> Activations:
    """Uninitialised activations. Raises StageError if they need a file and the disk is full."""
    ends = list(accumulate(map(math.prod, shapes), initial=0))
    kind = FileBlock if exceeds_memory(ends[-1] * hidden * dtype.itemsize) else MemoryBlock
    return Activations(kind(ends[-1], hidden, dtype), list(zip(ends, shapes, strict=False)))


def _write_zeros(descriptor: int, start: int, size: int) -> None:
    """Reserves disk space on systems without posix_fallocate."""
    block = bytes(1 << 20)
    for offset in range(start, start + size, len(block)):
        os.pwrite(descriptor, block[: start + size - offset], offset)
