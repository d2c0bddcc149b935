"""What lies in the folders of published collections of images below a data root."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from xstilts.cache.checksums import cached_sha256
from xstilts.cache.sources import Files
from xstilts.data.images.folders import collections, folders
from xstilts.tasks.task import Task

ABSENT = "no images"
_SUFFIXES = frozenset((".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff", ".webp"))
"""Of images: annotations may lie beside them."""


def sources(task: Task, root: Path | None, cache: Path) -> list[Files]:
    """What the folders of a task's images hold, so that a task with its images is another than without."""
    return [
        Files(sums={name: state(name, root, cache)}, layout=f"images of {name}")
        for name in task.images
        if name in collections()
    ]


def state(collection: str, root: Path | None, cache: Path) -> str:
    """A sha256 of the names and sizes of a collection's files, or "no images".

    Noted in `cache` by the times of the folders, so that many thousands of files are looked at once; a file that is
    written over in its place is not noticed.
    """
    there = sorted(set(_folders(collection, root))) if root else []
    times = [f"{path} {path.stat().st_mtime_ns}" for folder in there for path in _inside(folder)]

    def found() -> str:
        files = sorted(file for folder in there for file in _sizes(folder))
        return hashlib.sha256(json.dumps(files).encode()).hexdigest() if files else ABSENT

    return cached_sha256("images/folders", times, cache, found) if times else ABSENT


def _folders(collection: str, root: Path) -> Iterator[Path]:
    for base in (root, root / "multimodal"):
        for pattern in folders(collection):
            yield from (path.resolve() for path in base.glob(pattern) if path.is_dir())


def _inside(folder: Path) -> list[Path]:
    """The folder and those below it."""
    return sorted(Path(path) for path, _, _ in os.walk(folder))


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    for path, _, names in os.walk(folder):
        for name in names:
            file = Path(path) / name
            if file.suffix.lower() in _SUFFIXES and file.is_file():
                yield file.relative_to(folder).as_posix(), file.stat().st_size
