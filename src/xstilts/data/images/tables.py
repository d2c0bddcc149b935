"""Images stored as bytes in Parquet files."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from xstilts.data.images.locations import MAX_BYTES, too_large
from xstilts.errors import DataError, ImageError
from xstilts.formats.parquet_trial import try_parquet

_BLOCK_ROWS = 64
"""Rows per read: rows are usually requested in order, and a file may be larger than memory."""


def read_parquet_image(name: str, reference: str) -> bytes:
    """The bytes at `path#row/column`; the column may be a struct with a field `bytes`, as on the Hub.

    Raises ImageError if the file, row or column is missing or holds no bytes.
    """
    path, _, position = name.rpartition("#")
    row, _, column = position.partition("/")
    if not path or not row.isdecimal() or not column:
        raise ImageError(f"{reference} is not a valid Parquet reference", "write `parquet:path#row/column`")
    try:
        if not Path(path).is_file():
            raise ImageError(f"{reference} cannot be read: {path} is not a file", "check the path")
        stat = Path(path).stat()
        try_parquet(Path(path), in_blocks=True)
        rows = _block(path, (stat.st_size, stat.st_mtime_ns), column, int(row) // _BLOCK_ROWS)
    except DataError as error:
        raise ImageError(f"{reference} cannot be read: {error.message}", error.hint) from None
    except (OSError, ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise ImageError(f"{reference} cannot be read: {str(error).partition(chr(10))[0]}", "check the file") from None
    value = rows[int(row) % _BLOCK_ROWS] if int(row) % _BLOCK_ROWS < len(rows) else None
    if isinstance(value, dict):
        value = value.get("bytes")
    if not isinstance(value, bytes):
        raise ImageError(f"{reference} holds no bytes", "name the column with the images")
    if len(value) > MAX_BYTES:
        raise too_large(reference, f"it has {len(value):,} bytes")
    return value


@lru_cache(maxsize=2)
def _block(path: str, state: tuple[int, int], column: str, block: int) -> tuple[Any, ...]:
    """One block of a column. `state` (size and modification time) is only a part of the cache key."""
    return tuple(pl.scan_parquet(path).select(column).slice(block * _BLOCK_ROWS, _BLOCK_ROWS).collect().to_series())
