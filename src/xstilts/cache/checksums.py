"""Checksums and other values that are computed once and cached until their files change."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from xstilts.platform.files import write_file


def sha256_of(path: Path, cache: Path) -> str:
    """The SHA-256 of a file, cached by its path, size and modification time, so a large file is read only once."""

    def compute() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    stat = path.stat()
    return cached_text("sums", [f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"], cache, compute)


def cached_text(kind: str, state: Sequence[str], cache: Path, compute: Callable[[], str]) -> str:
    """The result of `compute`, from `cache` if it is cached for this `state`."""
    note = cache / kind / hashlib.sha256("\0".join(state).encode()).hexdigest()
    try:
        return note.read_text(encoding="utf-8")
    except OSError:
        pass
    text = compute()
    write_file(note, text)
    return text
