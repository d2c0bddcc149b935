"""The process that renders SVG drawings for `svg.py`. It imports nothing of this package.

For each drawing it reads the size of the square and the number of bytes (two 32-bit integers), then the source, and
writes a status (0: PNG, 1: error message), the number of bytes, then the bytes. It ends with its input, and is killed
by the system if a drawing takes too long or too much memory.
"""

import contextlib
import signal
import struct
import sys


def main(cpu_seconds: float, memory: int) -> None:
    import resvg_py

    _limit_memory(memory)
    requests, responses = sys.stdin.buffer, sys.stdout.buffer
    while header := requests.read(8):
        side, size = struct.unpack("<II", header)
        source = requests.read(size).decode("utf-8")
        _start_timer(cpu_seconds)
        try:
            # width and height are always given, because the renderer aborts on drawings that state a huge size
            status, content = 0, bytes(resvg_py.svg_to_bytes(svg_string=source, width=side, height=side))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of the renderer is not an Exception
            status, content = 1, str(error).encode()
        _start_timer(0)
        responses.write(struct.pack("<II", status, len(content)) + content)
        responses.flush()


def _limit_memory(memory: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _start_timer(cpu_seconds: float) -> None:
    """End the process after this much CPU time; 0 stops the timer. Python code never runs again, so the signal's
    default action ends it."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
