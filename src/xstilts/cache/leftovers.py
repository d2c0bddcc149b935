"""Finds and removes what killed processes left unfinished in the cache."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from xstilts.platform import locks

_DRAFT_FOLDER = re.compile(r"\.(.+)-([a-z0-9_]{8}|damaged)")
"""`new_folder` and wheels create them while they hold the lock `.<name>.lock`."""
_DRAFT_FILE = re.compile(r"\..+\.[0-9a-f]{32}")
"""`write_file` creates them without a lock."""
_LOCK = re.compile(r"\..+\.lock")
_OLD_SECONDS = 3600
"""Age of a draft of a file whose writer is certainly dead."""


def remove_leftovers(cache: Path, *, dry_run: bool) -> tuple[tuple[Path, ...], int]:
    """The leftovers below `cache`, and their bytes. They are removed unless `dry_run` is set.

    Drafts of living processes are left alone. The Hub's own folder is not searched: its client continues its downloads.
    """
    removed: list[Path] = []
    size = 0
    for path in _leftovers(cache):
        with suppress(FileNotFoundError):  # its process has just finished
            path_size = _size(path)
            if not dry_run and not _remove(path):
                continue
            removed.append(path)
            size += path_size
    return tuple(removed), size


def _leftovers(cache: Path) -> Iterator[Path]:
    for folder, subfolders, files in os.walk(cache):
        if Path(folder) == cache and "hub" in subfolders:
            subfolders.remove("hub")
        drafts = [name for name in subfolders if _DRAFT_FOLDER.fullmatch(name)]
        for name in drafts:
            subfolders.remove(name)
            match = _DRAFT_FOLDER.fullmatch(name)
            if match and not locks.is_held(Path(folder) / f".{match[1]}.lock"):
                yield Path(folder) / name
        for name in files:
            path = Path(folder) / name
            is_draft = _DRAFT_FILE.fullmatch(name) and _age(path) > _OLD_SECONDS
            if is_draft or (_LOCK.fullmatch(name) and not locks.is_held(path)):
                yield path


def _remove(path: Path) -> bool:
    if path.is_dir():
        shutil.rmtree(path)
    elif _LOCK.fullmatch(path.name):
        lock = locks.try_acquire(path)
        if lock is None:  # a process has just acquired it
            return False
        lock.release()
    else:
        path.unlink()
    return True


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
