"""Reads a Parquet file in another process first: a damaged one can end the process that reads it."""

import os
from functools import lru_cache
from pathlib import Path

from xstilts.errors import DataError
from xstilts.platform.limited_process import LimitedProcesses, Limits, ProcessEndedError
from xstilts.platform.memory import available_mb

MAX_ROWS = 100_000_000
MAX_SECONDS = 120.0
"""The longest time, plus a second for each 5 MB."""
_BYTES_PER_SECOND = 5_000_000
_OVERHEAD = 1 << 30
"""Bytes of address space beside the data: libraries, stacks of threads, buffers."""
_HINT = "write the file again"
_READERS = LimitedProcesses(
    Path(__file__).with_name("parquet_process.py"), {"POLARS_MAX_THREADS": "1", "RUST_BACKTRACE": "0"}
)


def try_parquet(path: Path, *, in_blocks: bool = False) -> None:
    """Read a file in another process, once until it changes. Files that this package wrote need no trial.

    `in_blocks` needs little memory. Raises DataError if the file cannot be read or has more than `MAX_ROWS` rows,
    StageError if no process can be started.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", "check the path in the recipe") from None
    _try_file(path, stat.st_size, stat.st_mtime_ns, b"blocks" if in_blocks else b"path")


@lru_cache(maxsize=10_000)
def _try_file(path: Path, size: int, modified: int, kind: bytes) -> None:
    """`modified` is only a part of the cache key. Errors are not cached."""
    _try(path, kind, os.fsencode(path.absolute()), size)


def try_parquet_content(path: Path, content: bytes) -> None:
    """As `try_parquet`, for the decompressed content of the file `path`."""
    _try(path, b"content", content, 3 * len(content))


def _try(path: Path, kind: bytes, source: bytes, size: int) -> None:
    memory = int(available_mb() * 2**20) + size + _OVERHEAD
    limits = Limits(seconds=MAX_SECONDS + size / _BYTES_PER_SECOND, memory=memory)
    try:
        count = int(_READERS.call(b"%s:%d:%s" % (kind, MAX_ROWS, source), limits))
    except ValueError as error:
        raise DataError(f"{path}: not a Parquet file: {error}", _HINT) from None
    except ProcessEndedError as error:
        raise DataError(f"{path}: reading it as Parquet failed: {error}", _HINT) from None
    if count > MAX_ROWS:
        raise DataError(f"{path}: {count:,} rows, at most {MAX_ROWS:,} can be read", "split the file")
