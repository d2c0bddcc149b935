"""Files and folders that appear whole or not at all, also where several processes write them or one is killed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import FileLock

_POLL_SECONDS = 0.02


def write_file(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write `path` aside and rename it into place; of several writers the last one wins. Makes its folder.

    `durable` waits until the content is on disk. Without it a crash of the machine may leave an empty file: only for
    what its reader checks and can make again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        place(draft, path) if durable else draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `path` when the block ends, or vanishes if it raises.

    Where another process was first, its folder stays and this one is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
        draft = Path(scratch) / path.name
        draft.mkdir()
        yield draft
        try:
            place(draft, path)
        except OSError:
            if not path.is_dir():
                raise
            shutil.rmtree(draft)


def place(draft: Path, path: Path) -> None:
    """Rename a finished file or folder to `path`, on the same disk, once its content and then its name are durable.

    A file replaces a file; a folder is placed only where there is none, else OSError is raised.
    """
    for part in (draft, *draft.rglob("*")) if draft.is_dir() else (draft,):
        sync(part)
    draft.rename(path) if draft.is_dir() else draft.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file is on disk, or the names in a folder where the system can (POSIX)."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Processes and threads that use the same path take turns. The system frees the lock when its holder dies."""
    with FileLock(path, poll_interval=_POLL_SECONDS):
        yield
