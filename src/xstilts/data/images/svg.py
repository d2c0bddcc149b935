"""Renders SVG drawings in separate processes with limits of time and memory, because a drawing can hang or crash the
renderer."""

import atexit
import contextlib
import os
import re
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

from xstilts.errors import ImageError, StageError

CPU_SECONDS = 5.0
MAX_SECONDS = 30.0
"""The longest time for one drawing, for platforms without a limit of CPU time and for loaded machines."""
MEMORY = 1 << 30
"""Bytes of address space of a process."""
_SCRIPT = Path(__file__).with_name("svg_process.py")
_LINK = re.compile(r"""(href\s*=\s*["'])(?!\s*(?:data:|\#))""")


def rasterise(source: str, reference: str, side: int) -> bytes:
    """Render a drawing to PNG within a square. Links to other files are removed for security.

    Raises ImageError if the drawing needs too much time or memory or crashes the renderer, ValueError if it is damaged,
    StageError if no process can be started. `reference` is for messages only.
    """
    renderer = _POOL.take()
    try:
        content = renderer.render(_LINK.sub(r"\1#", source).encode(), reference, side)
    except BaseException:
        renderer.close()
        raise
    _POOL.give_back(renderer)
    return content


class _Renderer:
    """A process that renders one drawing after another."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_SCRIPT), str(CPU_SECONDS), str(MEMORY)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise StageError(
                f"the process that renders drawings cannot be started: {error}",
                "free memory or processes, and run again",
            ) from None

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def render(self, source: bytes, reference: str, side: int) -> bytes:
        timer = threading.Timer(MAX_SECONDS, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            status, content = self._exchange(struct.pack("<II", side, len(source)) + source)
        except (OSError, EOFError):
            raise ImageError(
                f"{reference} cannot be rendered: {self._ending(timer.is_alive())}", "simplify the drawing"
            ) from None
        finally:
            timer.cancel()
        if status:
            raise ValueError(content.decode("utf-8", "replace"))
        return content

    def close(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()

    def _exchange(self, request: bytes) -> tuple[int, bytes]:
        """Raises OSError or EOFError if the process has ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(request)
        stdin.flush()
        header = stdout.read(8)
        if len(header) < 8:
            raise EOFError
        status, size = struct.unpack("<II", header)
        content = stdout.read(size)
        if len(content) < size:
            raise EOFError
        return status, content

    def _ending(self, in_time: bool) -> str:
        code = self._process.wait()
        if not in_time or code == -getattr(signal, "SIGPROF", 0):
            return f"it takes more than {CPU_SECONDS:g} s"
        return f"it crashes the renderer, or needs more than {MEMORY >> 20:,} MiB of memory (exit code {code})"


class _Pool:
    """The idle renderers of this process."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._idle: list[_Renderer] = []
        self._lock = threading.Lock()

    def take(self) -> _Renderer:
        with self._lock:
            if self._owner != os.getpid():  # a forked process must not use its parent's pipes
                self._owner, self._idle = os.getpid(), []
            while self._idle:
                if (renderer := self._idle.pop()).is_alive:
                    return renderer
                renderer.close()
        return _Renderer()

    def give_back(self, renderer: _Renderer) -> None:
        with self._lock:
            self._idle.append(renderer)

    def close(self) -> None:
        with self._lock:
            while self._idle and self._owner == os.getpid():
                self._idle.pop().close()


_POOL = _Pool()
atexit.register(_POOL.close)
