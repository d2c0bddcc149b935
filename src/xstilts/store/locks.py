"""File locks between processes. The system releases them when their holder dies."""

import fcntl
import os
import resource
import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_OTHER_FILES = 256
_MANY = 10240
"""What every system grants that names no bound."""


class Lock:
    """A lock that is held; its file tells by whom."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor

    def release(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def __enter__(self) -> "Lock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def acquire(path: Path) -> Lock:
    """The lock of that file; waits for whoever holds it."""
    while True:
        if lock := _take(path, fcntl.LOCK_EX):
            return lock


def try_acquire(path: Path) -> Lock | None:
    """The lock of that file, or None where it is held."""
    try:
        return _take(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


def holder(path: Path) -> str | None:
    """Who holds the lock of that file (process and machine), or None."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return path.read_text() if path.exists() else "a process that just ended"
    except FileNotFoundError:
        pass
    return None


def allow(count: int) -> None:
    """Let this process hold so many locks at once, as far as the system grants it: each is an open file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(count + _OTHER_FILES, hard if hard != resource.RLIM_INFINITY else _MANY)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _take(path: Path, how: int) -> Lock | None:
    """The lock, or None if its last holder removed the file while this process waited for it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, how)
        if not path.exists() or path.stat().st_ino != os.fstat(descriptor).st_ino:
            os.close(descriptor)
            return None
    except BlockingIOError:
        os.close(descriptor)
        raise
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
    return Lock(path, descriptor)
