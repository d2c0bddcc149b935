"""Reads files of every supported format as rows with their position in the file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xstilts.errors import DataError
from xstilts.formats.conll import conll_columns
from xstilts.formats.conllu import conllu
from xstilts.formats.content import GZIP, Row, format_suffix, read_text
from xstilts.formats.delimited import csv_rows, tsv_rows
from xstilts.formats.excel import excel_rows
from xstilts.formats.json_rows import json_file, json_lines
from xstilts.formats.notes import Note, Notes
from xstilts.formats.parquet import parquet_rows

__all__ = ["READABLE", "SUFFIXES", "Note", "Row", "Table", "format_suffix", "read_rows", "read_text", "rows"]

Reader = Callable[[Path, Notes], Iterator[tuple[int, Row]]]

READERS: Mapping[str, Reader] = {
    ".csv": csv_rows,
    ".tsv": tsv_rows,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_file,
    ".parquet": lambda path, _: parquet_rows(path),
    ".xlsx": excel_rows,
    ".conll": lambda path, _: conll_columns(path),
    ".conllu": lambda path, _: conllu(path),
    ".bio": lambda path, _: conll_columns(path),
    ".txt": lambda path, _: conll_columns(path),
}
"""Readers by suffix; each also reads files with `.gz` after the suffix."""

SUFFIXES = tuple(READERS)
READABLE = f"use {', '.join(SUFFIXES)}, or one of these with {GZIP}"
"""A hint for files of other formats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of a file, each with its position, and what the reader skipped, repaired or guessed."""

    rows: Sequence[tuple[int, Row]]
    notes: Sequence[Note]


def rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows of a file, each with the number of its first line (in Parquet, Excel and objects of JSON: of its row).

    Blank lines are skipped. Raises DataError with file and line for content that cannot be read or used.
    """
    return _reader(path)(path, Notes())


def read_rows(path: Path) -> Table:
    """All rows of a file with the reader's notes. Raises as `rows`."""
    notes = Notes()
    return Table(rows=tuple(_reader(path)(path, notes)), notes=notes.all())


def _reader(path: Path) -> Reader:
    suffix = format_suffix(path)
    if suffix not in READERS:
        raise DataError(f"{path}: cannot read {suffix or 'a file without a suffix'}", READABLE)
    return READERS[suffix]
