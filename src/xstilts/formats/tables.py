"""Readers of CSV, TSV, JSON Lines and Parquet files: rows with their position in the file."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xstilts.errors import DataError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")

Row = Mapping[str, Any]


def rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows of a file, each with the number of its first line (in Parquet: its row number), from 1.

    Blank lines are skipped. Raises DataError with file and line for unreadable content.
    """
    match path.suffix.lower():
        case ".csv":
            return delimited_rows(path, ",")
        case ".tsv":
            return delimited_rows(path, "\t")
        case ".jsonl":
            return _json_lines(path)
        case ".parquet":
            return _parquet(path)
        case suffix:
            raise DataError(f"{path}: cannot read {suffix or 'a file without a suffix'}", f"use {', '.join(SUFFIXES)}")


def delimited_rows(path: Path, delimiter: str, *, quoted: bool = True) -> Iterator[tuple[int, Row]]:
    """The rows of a delimited file with a header; without `quoted`, quotation marks have no special meaning."""
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    lines = io.StringIO(read_text(path), newline="")
    reader = csv.reader(lines, delimiter=delimiter, strict=True, quoting=quoting)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DataError(f"{path}:{line}: {error}", "close every quote, and double a quote inside quotes") from None
        if cells is None:
            break
        if not cells:
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            if duplicates := {name for name in header if header.count(name) > 1}:
                raise DataError(
                    f"{path}:{line}: column {min(duplicates)!r} occurs twice", "give every column a unique name"
                )
        elif len(cells) != len(header):
            raise DataError(
                f"{path}:{line}: {len(cells)} cells, but the header has {len(header)}",
                "quote cells that contain the separator",
            )
        else:
            yield line, dict(zip(header, cells, strict=True))
    if header is None:
        raise DataError(f"{path}: the file is empty", "add a header and rows")


def _json_lines(path: Path) -> Iterator[tuple[int, Row]]:
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}:{line}: not JSON: {error.msg}", "write one JSON object per line") from None
        if not isinstance(row, dict):
            raise DataError(f"{path}:{line}: not a JSON object", "write one JSON object per line")
        yield line, row


def _parquet(path: Path) -> Iterator[tuple[int, Row]]:
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path}: not a Parquet file: {error}", "write the file again") from None
    return enumerate(frame.iter_rows(named=True), start=1)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without a byte-order mark."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", "check the path in the recipe") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(f"{path}:{line}: not UTF-8", "save the file as UTF-8") from None
