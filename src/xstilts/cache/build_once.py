"""Folders of the cache that are made once, whoever asks first."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from xstilts.cache.wheels import locked


def build_once(target: Path, make: Callable[[Path], None]) -> Path:
    """`target`, filled by `make` if it is not there; it appears at once, and other processes wait for it."""
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_name(f".{target.name}.lock")):
        if not target.is_dir():
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
                made = Path(scratch) / target.name
                made.mkdir()
                make(made)
                for path in filter(Path.is_file, made.rglob("*")):
                    _settle(path)
                made.rename(target)
    return target


def _settle(path: Path) -> None:
    """Let a file reach the disk before its folder gets its name."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
