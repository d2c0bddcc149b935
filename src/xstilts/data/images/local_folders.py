"""Digests of the local image folders of published collections."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from xstilts.cache.checksums import cached_text
from xstilts.cache.sources import Files
from xstilts.data.images.folders import image_folders, local_collections
from xstilts.tasks.task import Task

NO_IMAGES = "no images"
_SUFFIXES = frozenset((".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff", ".webp"))
"""Image files; other files in the folders are ignored."""


def image_sources(task: Task, root: Path | None, cache: Path) -> list[Files]:
    """The state of a task's image folders as sources, so that cache keys depend on which images are present."""
    return [
        Files(sums={name: folder_digest(name, root, cache)}, layout=f"images of {name}")
        for name in task.images
        if name in local_collections()
    ]


def folder_digest(collection: str, root: Path | None, cache: Path) -> str:
    """The SHA-256 of the names and sizes of a collection's files, or "no images".

    The digest is cached by the folders' modification times, so the files are listed only once. A file that is
    overwritten in place is not noticed.
    """
    bases = (root, root / "multimodal") if root else ()
    paths = (path for base in bases for pattern in image_folders(collection) for path in base.glob(pattern))
    existing = sorted({path.resolve() for path in paths if path.is_dir()})
    subfolders = [path for folder in existing for path in sorted(Path(path) for path, _, _ in os.walk(folder))]
    times = [f"{path} {path.stat().st_mtime_ns}" for path in subfolders]

    def digest() -> str:
        files = sorted(file for folder in existing for file in _image_sizes(folder))
        return hashlib.sha256(json.dumps(files).encode()).hexdigest() if files else NO_IMAGES

    return cached_text("images/folders", times, cache, digest) if times else NO_IMAGES


def _image_sizes(folder: Path) -> Iterator[tuple[str, int]]:
    for path, _, names in os.walk(folder):
        for name in names:
            file = Path(path) / name
            if file.suffix.lower() in _SUFFIXES and file.is_file():
                yield file.relative_to(folder).as_posix(), file.stat().st_size
