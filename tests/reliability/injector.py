"""Fails the n-th operation of this process that changes a file, or all writes beyond a number of bytes."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

OPERATIONS = ("write", "fsync", "rename", "replace", "mkdir")
"""Functions of `os`; writes of `pathlib` count as well."""


@dataclass
class Faults:
    """Calls `fault` at the operation with this number, counted from 0."""

    number: int
    fault: Callable[[], None]
    count: int = 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.number + 1:
            self.fault()


def full_disk() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def broken_disk() -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def kill() -> None:
    os._exit(9)


@contextmanager
def injected(faults: Faults) -> Iterator[None]:
    """Count the operations and call the fault. A write is stopped when half of it is in the file."""
    write_bytes = Path.write_bytes

    def half_write(path: Path, data: bytes) -> int:
        write_bytes(path, data[: len(data) // 2])
        faults.step()
        return write_bytes(path, data)

    def half_write_text(path: Path, text: str, encoding: str | None = None) -> int:
        return half_write(path, text.encode())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", half_write)
        patch.setattr(Path, "write_text", half_write_text)
        for name in OPERATIONS:
            original = getattr(os, name)

            def operation(*args: object, original: Callable[..., object] = original, **more: object) -> object:
                faults.step()
                return original(*args, **more)

            patch.setattr(os, name, operation)
        yield


@dataclass
class Disk:
    """A disk with room for so many bytes. What is deleted leaves no room."""

    free: int
    used: int = 0

    def take(self, size: int) -> int:
        """The bytes that still fit."""
        taken = min(size, self.free - self.used)
        self.used += taken
        return taken


@contextmanager
def limited(disk: Disk) -> Iterator[None]:
    """Write to the disk only as many bytes as fit, then raise ENOSPC."""
    write_bytes, write = Path.write_bytes, os.write

    def write_some(path: Path, data: bytes) -> int:
        size = disk.take(len(data))
        write_bytes(path, data[:size])
        if size < len(data):
            full_disk()
        return size

    def write_some_text(path: Path, text: str, encoding: str | None = None) -> int:
        return write_some(path, text.encode())

    def write_descriptor(descriptor: int, data: bytes) -> int:
        size = disk.take(len(data))
        if not size and data:
            full_disk()
        return write(descriptor, data[:size])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_some)
        patch.setattr(Path, "write_text", write_some_text)
        patch.setattr(os, "write", write_descriptor)
        yield
