"""Folders of the cache that are made once, whoever asks first."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from xstilts.data.sources import locked


def made_once(target: Path, make: Callable[[Path], None]) -> Path:
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
                made.rename(target)
    return target
