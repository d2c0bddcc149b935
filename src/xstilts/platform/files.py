"""Atomic writes of files and folders, safe with concurrent writers and killed processes."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from xstilts.platform import locks

_NAME_SHOWN = 50
"""Characters of a file's name in the name of its draft, which must not be too long."""


def write_file(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write a draft and rename it to `path`; the last of several writers wins. Creates the parent folder.

    `durable` calls fsync. Without it, a crash of the machine may leave an empty file, so use it only if the reader
    validates the file and can recompute it.
    """
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and not path.is_file() and not path.is_dir():  # a device or a pipe
        with named_errors(path):
            path.write_bytes(data)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name[:_NAME_SHOWN]}.{uuid4().hex}")
    try:
        with named_errors(path):
            draft.write_bytes(data)
            rename_durably(draft, path) if durable else draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def expand_home(path: str | Path) -> Path:
    """The path with `~` as a home folder; unchanged if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def is_file(path: Path) -> bool:
    """Whether there is a file; False for names that no file can have, such as a name that is too long."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether there is a folder; False for names that no folder can have."""
    try:
        return path.is_dir()
    except OSError:
        return False


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Name `path` in errors of the operating system that name no file, such as those of a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
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
            if not draft.is_dir() or not path.is_dir():  # renamed, but the parent folder cannot be synced
                raise
            shutil.rmtree(draft)


def apply_umask(folder: Path) -> None:
    """Give all files below a folder that `mkdir` created the permissions of the umask: some libraries create files that
    only their owner can read."""
    mode = folder.stat().st_mode & 0o777
    for path in folder.rglob("*"):
        expected = mode if path.is_dir() else mode & 0o666
        if path.stat().st_mode & 0o777 != expected:
            path.chmod(expected)


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
