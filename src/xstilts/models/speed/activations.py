"""What frozen layers give for many features, one after another in one block of memory or in a file.

One block, and not a tensor for each feature: thousands of small ones leave the heap in fragments.
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
"""Bytes that are kept in memory, at most."""

Shape = tuple[int, int]
"""Choices, and sub-words of the longest."""


class Block(Protocol):
    """Rows [sub-words, hidden]."""

    nbytes: int
    on_disk: bool

    def read(self, start: int, rows: int) -> Tensor: ...
    def write(self, start: int, rows: Tensor) -> None: ...


class Memory:
    on_disk = False

    def __init__(self, rows: int, hidden: int, dtype: torch.dtype) -> None:
        self._rows = torch.empty(rows, hidden, dtype=dtype)
        self.nbytes = self._rows.nbytes

    def read(self, start: int, rows: int) -> Tensor:
        return self._rows[start : start + rows]

    def write(self, start: int, rows: Tensor) -> None:
        self._rows[start : start + len(rows)] = rows


class File:
    """In the folder that TMPDIR names; nobody else sees it, and it is gone with the process.

    Read and written by position: pages of a file that is mapped would count as memory of the process. Raises StageError
    where the disk has no room for it.
    """

    on_disk = True

    def __init__(self, rows: int, hidden: int, dtype: torch.dtype) -> None:
        self._hidden, self._dtype, self._width = hidden, dtype, hidden * dtype.itemsize
        self.nbytes = rows * self._width
        self._file = tempfile.TemporaryFile(prefix="xstilts-")  # noqa: SIM115
        try:
            (getattr(os, "posix_fallocate", None) or _written)(self._file.fileno(), 0, self.nbytes)
        except OSError as error:
            raise StageError(
                f"no room for {self.nbytes / 1e9:.1f} GB of activations in {tempfile.gettempdir()}: {error.strerror}",
                "let TMPDIR name a folder on a larger disk, or give the stage a smaller `activation_cache_gb`",
            ) from error

    def read(self, start: int, rows: int) -> Tensor:
        found = bytearray(os.pread(self._file.fileno(), rows * self._width, start * self._width))
        return torch.frombuffer(found, dtype=self._dtype).view(rows, self._hidden)

    def write(self, start: int, rows: Tensor) -> None:
        numbers = rows.to(self._dtype).contiguous().flatten().view(torch.uint8).numpy()
        os.pwrite(self._file.fileno(), numbers.data, start * self._width)


class Activations(Sequence[Tensor]):
    """[choices, tokens, hidden] for each feature, read from a block when it is asked for."""

    def __init__(self, block: Block, places: Sequence[tuple[int, Shape]]) -> None:
        self.block, self.places = block, places

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> "Activations": ...
    def __getitem__(self, index: int | slice) -> "Tensor | Activations":
        if isinstance(index, slice):
            return self.subset(range(len(self))[index])
        start, shape = self.places[index]
        return self.block.read(start, math.prod(shape)).view(*shape, -1)

    def put(self, index: int, value: Tensor) -> None:
        """Fill in those of a feature."""
        start, shape = self.places[index]
        self.block.write(start, value.reshape(math.prod(shape), -1))

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[index] for index in range(len(self)))

    def subset(self, indices: Iterable[int]) -> "Activations":
        """Those of some features; nothing is copied."""
        return Activations(self.block, [self.places[index] for index in indices])


def on_disk(size: int) -> bool:
    """Whether so many bytes go to a file."""
    return size > IN_MEMORY


def fits(size: int, disk: int) -> bool:
    """Whether so many bytes may be kept: in memory, or in a file of at most `disk` bytes."""
    return size <= disk or not on_disk(size)


def room(shapes: Sequence[Shape], hidden: int, dtype: torch.dtype) -> Activations:
    """Activations to be filled in. Raises StageError where they are too much for memory and the disk has no room."""
    ends = list(accumulate(map(math.prod, shapes), initial=0))
    kind = File if on_disk(ends[-1] * hidden * dtype.itemsize) else Memory
    return Activations(kind(ends[-1], hidden, dtype), list(zip(ends, shapes, strict=False)))


def _written(descriptor: int, start: int, size: int) -> None:
    """What posix_fallocate does, where the system has none: zeros, block by block."""
    block = bytes(1 << 20)
    for at in range(start, start + size, len(block)):
        os.pwrite(descriptor, block[: start + size - at], at)
