"""Reads a Parquet file as a trial, in the process of `parquet_trial.py`. It imports nothing of this package."""

from io import BytesIO

import polars as pl


def handle(request: bytes) -> bytes:
    """Read a file and return its number of rows.

    The request is what to read, the largest number of rows that is read, and a path, or for `content` a file; between
    them are colons. `blocks` reads block by block, for files that may be larger than the memory.
    """
    kind, most, rest = request.split(b":", 2)
    source = BytesIO(rest) if kind == b"content" else rest.decode("utf-8", "surrogateescape")
    pl.read_parquet_metadata(source)
    count = pl.scan_parquet(source).select(pl.len()).collect().item()
    if count <= int(most):
        if kind == b"blocks":
            for _ in pl.scan_parquet(source).collect_batches():
                pass
        else:
            pl.read_parquet(source)
    return str(count).encode()
