"""Checksums of the files in a folder, and the state in which they were last verified."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from xstilts.platform.files import write_file

VERIFIED = ".verified"
"""File with the size and times of each file when its checksum was last verified."""


class FileDigest(BaseModel):
    """The expected content of a file."""

    model_config = ConfigDict(frozen=True)
    sha256: str
    bytes: int


def digests_of(folder: Path) -> dict[str, FileDigest]:
    """The content of all files below a folder, by relative path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): FileDigest(sha256=sha256(path), bytes=path.stat().st_size)
        for path in paths
    }


def find_damage(folder: Path, files: Mapping[str, FileDigest], *, trust_verified: bool = True) -> str | None:
    """What is wrong with the files of a folder, or None.

    With `trust_verified`, a file is only read if its size, modification time or change time (which programs cannot set)
    differs from the last verification, because files may have gigabytes. Raises OSError if a file cannot be read.
    """
    for name in files:
        if not (folder / name).is_file():
            return f"{name} is missing"
    try:
        state = _state(folder, files)
        for name, file in files.items():
            if state[name][0] != file.bytes:
                return f"{name} has {state[name][0]} bytes instead of {file.bytes}"
        if trust_verified:
            with suppress(OSError, ValueError):
                if json.loads((folder / VERIFIED).read_bytes()) == state:
                    return None
        for name, file in files.items():
            if sha256(folder / name) != file.sha256:
                return f"the sha256 of {name} differs from the recorded one"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    with suppress(OSError):  # a read-only folder is checked every time
        _write_state(folder, state)
    return None


def mark_verified(folder: Path, files: Mapping[str, FileDigest]) -> None:
    """Record that the present files match their checksums."""
    _write_state(folder, _state(folder, files))


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state(folder: Path, names: Mapping[str, object]) -> dict[str, list[int]]:
    stats = {name: (folder / name).stat() for name in names}
    return {name: [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns] for name, stat in stats.items()}


def _write_state(folder: Path, state: Mapping[str, list[int]]) -> None:
    write_file(folder / VERIFIED, json.dumps(state), durable=False)
