"""Checksums and other values that are computed once and cached until their files change."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from xstilts.platform import folder_checksums
from xstilts.platform.sealed import read_sealed, write_sealed


def sha256_of(path: Path, cache: Path) -> str:
    """The SHA-256 of a file, cached by its path, size and times, so a large file is read only once."""
    return cached_text("sums", [file_state(path)], cache, lambda: folder_checksums.sha256(path))


def file_state(path: Path) -> str:
    """Text that changes when a file changes. The change time is included, because programs cannot set it."""
    stat = path.stat()
    return f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"


def cached_text(kind: str, state: Sequence[str], cache: Path, compute: Callable[[], str]) -> str:
    """The result of `compute`, from `cache` if it is cached for this `state`."""
    name = hashlib.sha256("\0".join(state).encode()).hexdigest()
    note = cache / kind / f"{name}.sealed"
    if (content := read_sealed(note)) is not None:
        return content.decode()
    text = compute()
    write_sealed(note, text)
    return text
