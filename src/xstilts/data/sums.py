"""Sha256 sums of files, computed once for each state (size and time) of a file."""

import hashlib
from pathlib import Path

from xstilts import revisions


def sum_of(path: Path, cache: Path) -> str:
    """The sha256 of a file; noted in `cache`, so that a large file is read once."""
    stat = path.stat()
    state = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    note = cache / "sums" / hashlib.sha256(state.encode()).hexdigest()
    try:
        return note.read_text()
    except OSError:
        pass
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    revisions.write(note, found)
    return found
