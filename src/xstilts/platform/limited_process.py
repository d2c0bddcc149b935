"""Runs code that may hang, crash or exhaust the memory in separate processes with limits."""

import atexit
import contextlib
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xstilts.errors import StageError

_CHILD = Path(__file__).with_name("limited_child.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one request."""

    cpu_seconds: float = 0
    """0 is no limit."""
    seconds: float
    """The longest time, for platforms without a limit of CPU time and for loaded machines."""
    memory: int
    """Bytes of address space of the process, on platforms with such a limit."""


class ProcessEndedError(Exception):
    """The process ended before it answered: the request crashed it or reached a limit. The text is the reason."""


class LimitedProcesses:
    """Processes that run the function `handle(request: bytes) -> bytes` of a Python file. Idle ones are used again."""

    def __init__(self, handler: Path, environment: Mapping[str, str] | None = None) -> None:
        self._handler, self._environment = handler, environment
        self._owner = os.getpid()
        self._idle: list[_Process] = []
        self._lock = threading.Lock()
        atexit.register(self.close)

    def call(self, request: bytes, limits: Limits) -> bytes:
        """The result of the handler. Thread-safe.

        Raises ValueError with the message of an exception of the handler, ProcessEndedError if the process ended,
        StageError if no process can be started.
        """
        process = self._take()
        try:
            status, content = process.call(request, limits)
        except BaseException:
            process.close()
            raise
        with self._lock:
            self._idle.append(process)
        if status:
            raise ValueError(content.decode("utf-8", "replace"))
        return content

    def _take(self) -> "_Process":
        with self._lock:
            if self._owner != os.getpid():  # a forked process must not use its parent's pipes
                self._owner, self._idle = os.getpid(), []
            while self._idle:
                if (process := self._idle.pop()).is_alive:
                    return process
                process.close()
        return _Process(self._handler, self._environment)

    def close(self) -> None:
        """End the idle processes."""
        with self._lock:
            while self._idle and self._owner == os.getpid():
                self._idle.pop().close()


class _Process:
    """A process that answers one request after another."""

    def __init__(self, handler: Path, environment: Mapping[str, str] | None) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_CHILD), str(handler)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | environment if environment else None,
            )
        except OSError as error:
            raise StageError(
                f"a process cannot be started: {error}", "free memory or processes, and run again"
            ) from None

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def call(self, request: bytes, limits: Limits) -> tuple[int, bytes]:
        timer = threading.Timer(limits.seconds, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            return self._exchange(struct.pack("<dQQ", limits.cpu_seconds, limits.memory, len(request)), request)
        except (OSError, EOFError):
            raise ProcessEndedError(self._ending(timer.is_alive(), limits)) from None
        finally:
            timer.cancel()

    def close(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()

    def _exchange(self, header: bytes, request: bytes) -> tuple[int, bytes]:
        """The status and content of the response. Raises OSError or EOFError if the process has ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(header)
        stdin.write(request)
        stdin.flush()
        response = stdout.read(16)
        if len(response) < 16:
            raise EOFError
        status, size = struct.unpack("<QQ", response)
        content = stdout.read(size)
        if len(content) < size:
            raise EOFError
        return status, content

    def _ending(self, in_time: bool, limits: Limits) -> str:
        code = self._process.wait()
        if not in_time or code == -getattr(signal, "SIGPROF", 0):
            return f"it takes more than {limits.cpu_seconds if in_time else limits.seconds:g} s"
        return f"it crashes, or needs more than {limits.memory >> 20:,} MiB of memory (exit code {code})"
