"""What was computed once of a file, and holds until the file changes: its sum above all."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from xstilts.platform.files import write_file


def sha256_of(path: Path, cache: Path) -> str:
    """The sha256 of a file; noted in `cache` for each state (size and time), so that a large file is read once."""

    def found() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    stat = path.stat()
    return cached_text("sums", [f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"], cache, found)


def cached_text(kind: str, state: Sequence[str], cache: Path, compute: Callable[[], str]) -> str:
    """What was computed of this state, from `cache` if it was before."""
    note = cache / kind / hashlib.sha256("\0".join(state).encode()).hexdigest()
    try:
        return note.read_text(encoding="utf-8")
    except OSError:
        pass
    found = compute()
    write_file(note, found)
    return found
