"""The process that runs a handler for `limited_process.py`. It imports nothing of this package.

The argument is a Python file with a function `handle(request: bytes) -> bytes`. For each request the process reads the
limits (CPU seconds, bytes of address space; 0 is no limit) and the number of bytes, then the request. It writes a
status (0: result, 1: error message), the number of bytes, then the bytes. It ends with its input, and is killed by the
system if a request takes too long or too much memory.
"""

import contextlib
import runpy
import signal
import struct
import sys


def main(handler: str) -> None:
    handle = runpy.run_path(handler)["handle"]
    requests, responses = sys.stdin.buffer, sys.stdout.buffer
    while header := requests.read(24):
        cpu_seconds, memory, size = struct.unpack("<dQQ", header)
        request = requests.read(size)
        _limit_memory(memory)
        _start_timer(cpu_seconds)
        try:
            status, content = 0, handle(request)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of a library in Rust is not an Exception
            status, content = 1, (str(error) or type(error).__name__).encode("utf-8", "replace")
        _start_timer(0)
        responses.write(struct.pack("<QQ", status, len(content)) + content)
        responses.flush()


def _limit_memory(memory: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (memory or most, most))


def _start_timer(cpu_seconds: float) -> None:
    """End the process after this much CPU time; 0 stops the timer. Python code may never run again, so the signal's
    default action ends it."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)


if __name__ == "__main__":
    main(sys.argv[1])
