"""What frozen layers give for many features, one after another in one block of memory or of a file.

One block, and not a tensor for each feature: thousands of small ones leave the heap in fragments.
"""

import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import overload

import numpy as np
import torch
from torch import Tensor

from xstilts.errors import StageError

IN_MEMORY = 1 << 30
"""Bytes that are kept in memory, at most."""

Shape = tuple[int, int]
"""Choices, and sub-words of the longest."""


class Activations(Sequence[Tensor]):
    """[choices, tokens, hidden] for each feature, as views of `block` [sub-words, hidden]."""

    def __init__(self, block: Tensor, places: Sequence[tuple[int, Shape]], *, on_disk: bool = False) -> None:
        self.block, self.places, self.on_disk = block, places, on_disk

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> "Activations": ...
    def __getitem__(self, index: int | slice) -> "Tensor | Activations":
        if isinstance(index, slice):
            return self.subset(range(len(self))[index])
        start, shape = self.places[index]
        return self.block[start : start + math.prod(shape)].view(*shape, -1)

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[index] for index in range(len(self)))

    @property
    def nbytes(self) -> int:
        return self.block.nbytes

    def subset(self, indices: Iterable[int]) -> "Activations":
        """Those of some features; nothing is copied."""
        return Activations(self.block, [self.places[index] for index in indices], on_disk=self.on_disk)


def fits(size: int, disk: int) -> bool:
    """Whether so many bytes may be kept: in memory, or of a file of at most `disk` bytes."""
    return size <= max(IN_MEMORY, disk)


def room(shapes: Sequence[Shape], hidden: int, dtype: torch.dtype) -> Activations:
    """Activations to be filled in. What is too much for memory becomes a file in the folder that TMPDIR names.

    Nobody else sees the file, and it is gone with the process. Raises StageError where the disk has no room for it.
    """
    ends = list(accumulate(map(math.prod, shapes), initial=0))
    numbers = ends[-1] * hidden
    size = numbers * dtype.itemsize
    on_disk = size > IN_MEMORY
    block = _file(size).view(dtype) if on_disk else torch.empty(numbers, dtype=dtype)
    return Activations(block.view(-1, hidden), list(zip(ends, shapes, strict=False)), on_disk=on_disk)


def _file(size: int) -> Tensor:
    """So many bytes of a file; all are claimed at once, since a full disk would kill a process that writes to a map."""
    with tempfile.TemporaryFile(prefix="xstilts-") as file:
        try:
            (getattr(os, "posix_fallocate", None) or _written)(file.fileno(), 0, size)
        except OSError as error:
            raise StageError(
                f"no room for {size / 1e9:.1f} GB of activations in {tempfile.gettempdir()}: {error.strerror}",
                "let TMPDIR name a folder on a larger disk, or give the stage a smaller `activations_gb`",
            ) from error
        return torch.from_numpy(np.memmap(file, dtype=np.uint8, mode="r+", shape=(size,)))


def _written(descriptor: int, start: int, size: int) -> None:
    """What posix_fallocate does, where the system has none: zeros, block by block."""
    block = bytes(1 << 20)
    for at in range(start, start + size, len(block)):
        os.pwrite(descriptor, block[: start + size - at], at)
