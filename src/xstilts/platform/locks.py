"""Locks between processes, which the operating system releases when their holder dies.

This adds to filelock: who holds a lock, locks on folders, and lock files that are deleted on release.
"""

import os
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType

from filelock import lock_descriptor

_OTHER_FILES = 256
"""Open files of the process other than locks."""
_MAX_FILES = 10240
"""The limit that is requested on systems without a hard limit."""
_POLL_SECONDS = 0.01


class Lock:
    """An acquired lock. Its file names the holder."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor

    def release(self) -> None:
        with suppress(PermissionError):  # Windows does not remove an open file
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def __enter__(self) -> "Lock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def acquire(path: Path) -> Lock:
    """Lock the file at `path`; waits until it is free."""
    while True:
        if lock := _lock(path, blocking=True):
            return lock


def try_acquire(path: Path) -> Lock | None:
    """Lock the file at `path`, or return None if another process or thread holds the lock."""
    return _lock(path, blocking=False)


def holder(path: Path) -> str | None:
    """The holder of a file's lock (process, machine and since when), or None."""
    if not is_held(path):
        return None
    try:
        return path.read_text() or "a process that just started"
    except FileNotFoundError:
        return "a process that just ended"
    except PermissionError:  # on Windows, other processes cannot read a locked file
        return "another process"


def is_held(path: Path) -> bool:
    """Whether a process holds the lock of a file or folder."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not lock_descriptor(descriptor, blocking=False)
    finally:
        os.close(descriptor)


def lock_folder(folder: Path) -> int:
    """Lock a folder that no other process uses yet (POSIX). Close the descriptor to release the lock."""
    descriptor = os.open(folder, os.O_RDONLY)
    lock_descriptor(descriptor)
    return descriptor


def raise_file_limit(count: int) -> None:
    """Raise the limit of open files so that this process can hold `count` locks, as far as the system allows."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = min(count + _OTHER_FILES, hard if hard != resource.RLIM_INFINITY else _MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < needed:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _lock(path: Path, *, blocking: bool) -> Lock | None:
    """The lock, or None if it is not free, or if its last holder deleted the file while this process waited."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    if not lock_descriptor(descriptor, blocking=blocking, poll_interval=_POLL_SECONDS) or _removed(path, descriptor):
        os.close(descriptor)
        return None
    lock = Lock(path, descriptor)
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()} since {since}".encode())
    except BaseException:  # such as a full disk: nobody would release the lock before the process ends
        lock.release()
        raise
    return lock


def _removed(path: Path, descriptor: int) -> bool:
    """Whether the open file is no longer the one at `path`."""
    try:
        return not os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return True
