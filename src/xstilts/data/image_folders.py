"""Where the images of published collections lie below a data root, and what lies there."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from xstilts import revisions
from xstilts.tasks.task import Files, Task

FOLDERS = {
    "flickr30k": (
        "flickr30k/images",
        "flickr30k/flickr30k-images",
        "flickr30k/flickr30k_images",
        "flickr30k-images",
        "xFlickrCO/images",
    ),
    "coco": ("coco/images", "coco/val2014", "mscoco/images", "xFlickrCO/images"),
    "gqa": ("gqa/images",),
    "nlvr2": ("nlvr2/images", "nlvr2/train", "nlvr2/dev", "nlvr2/test1"),
    "marvl": ("marvl/images", "marvl/*/images"),
    "wit": ("wit/images",),
}
"""Patterns below the root or its folder `multimodal`, by collection."""
ABSENT = "no images"


def sources(task: Task, root: Path | None, cache: Path) -> list[Files]:
    """What the folders of a task's images hold, so that a task with its images is another than without."""
    return [
        Files(sums={name: state(name, root, cache)}, layout=f"images of {name}")
        for name in task.images
        if name in FOLDERS
    ]


def state(collection: str, root: Path | None, cache: Path) -> str:
    """A sha256 of the names and sizes of a collection's files, or "no images".

    Noted in `cache` by the times of the folders, so that many thousands of files are looked at once; a file that is
    written over in its place is not noticed.
    """
    folders = sorted(set(_folders(collection, root))) if root else []
    times = [[str(path), path.stat().st_mtime_ns] for folder in folders for path in _inside(folder)]
    note = cache / "images" / "folders" / hashlib.sha256(json.dumps(times).encode()).hexdigest()
    try:
        return note.read_text()
    except OSError:
        pass
    files = sorted(found for folder in folders for found in _sizes(folder))
    if not files:
        return ABSENT
    digest = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    revisions.write(note, digest)
    return digest


def _folders(collection: str, root: Path) -> Iterator[Path]:
    for base in (root, root / "multimodal"):
        for pattern in FOLDERS[collection]:
            yield from (path.resolve() for path in base.glob(pattern) if path.is_dir())


def _inside(folder: Path) -> list[Path]:
    """The folder and those below it."""
    return sorted(Path(path) for path, _, _ in os.walk(folder))


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    for path, _, names in os.walk(folder):
        for name in names:
            file = Path(path) / name
            if file.is_file():
                yield file.relative_to(folder).as_posix(), file.stat().st_size
