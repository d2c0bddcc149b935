"""Atomic writes of files and folders, safe with concurrent writers and killed processes."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from xstilts.platform import locks


def write_file(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write a draft and rename it to `path`; the last of several writers wins. Creates the parent folder.

    `durable` calls fsync. Without it, a crash of the machine may leave an empty file, so use it only if the reader
    validates the file and can recompute it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        rename_durably(draft, path) if durable else draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A draft folder that is renamed to `path` when the block ends, or deleted if it raises.

    If another process has created `path` in the meantime, its folder stays and the draft is deleted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
        draft = Path(scratch) / path.name
        draft.mkdir()
        yield draft
        try:
            rename_durably(draft, path)
        except OSError:
            if not path.is_dir():
                raise
            shutil.rmtree(draft)


def rename_durably(draft: Path, path: Path) -> None:
    """Rename a finished file or folder to `path` on the same disk, with fsync of its content before and of the parent
    folder after.

    A file replaces an existing file. Raises OSError if `draft` is a folder and `path` exists.
    """
    for entry in (draft, *draft.rglob("*")) if draft.is_dir() else (draft,):
        fsync(entry)
    draft.rename(path) if draft.is_dir() else draft.replace(path)
    fsync(path.parent)


def fsync(path: Path) -> None:
    """Flush a file, or (on POSIX) a folder's entries, to disk."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock across processes and threads. The system releases it if the process dies.

    The lock's file is deleted when the lock is released.
    """
    with locks.acquire(path):
        yield
