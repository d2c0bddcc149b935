"""Rows of large files, and of standard input, without holding them in memory."""

import gzip
import io
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from xstilts.errors import DataError
from xstilts.formats.content import GZIP, Row, format_suffix
from xstilts.formats.delimited import opened_csv_rows, opened_tsv_rows
from xstilts.formats.json_values import JsonError, parse_json
from xstilts.formats.notes import Notes
from xstilts.formats.parquet import parquet_slices
from xstilts.formats.tables import rows

STDIN = "-"
"""The name of standard input."""
STREAMED = (".csv", ".tsv", ".jsonl", ".ndjson", ".txt", ".parquet")
"""Formats whose memory does not grow with the number of rows."""


def stream_rows(path: Path, suffix: str | None = None) -> Iterator[tuple[int, Row]]:
    """The rows of a file with the number of their first line, as `xstilts.formats.tables.rows` reads them; of a `.txt`
    file, its lines in the column `text`.

    A file is read twice if its separator or quoting must be found out. `suffix` overrides that of the name. Raises
    DataError, with the line, for content that cannot be read.
    """
    suffix = suffix or format_suffix(path)
    if suffix not in STREAMED:
        yield from rows(path)
        return
    if suffix == ".parquet" and path.suffix.lower() != GZIP:
        yield from parquet_slices(path)
        return
    if suffix == ".parquet":
        yield from rows(path)
    elif suffix == ".csv":
        yield from opened_csv_rows(path, lambda: _open(path), Notes())
    elif suffix == ".tsv":
        yield from opened_tsv_rows(path, lambda: _open(path), Notes())
    else:
        for line, text in _lines(path):
            yield line, {"text": text} if suffix == ".txt" else _object(path, line, text)


@contextmanager
def spooled_stdin() -> Iterator[tuple[Path, str]]:
    """Standard input as a file on disk, and its format: JSON Lines if it begins with {, otherwise CSV."""
    with tempfile.NamedTemporaryFile(prefix="xstilts-", suffix=".stdin") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        file.seek(0)
        first = file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        yield Path(file.name), ".jsonl" if first == b"{" else ".csv"


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers."""
    with _open(path) as file:
        for number, line in enumerate(_split(file), start=1):
            if line.strip():
                yield number, line


def _split(file: io.TextIOBase) -> Iterator[str]:
    """Lines that end in a line feed, as in `read_text(path).split("\\n")`; a carriage return before it is removed."""
    rest = ""
    while chunk := file.read(1 << 20):
        *lines, rest = (rest + chunk).split("\n")
        for line in lines:
            yield line.removesuffix("\r")
    if rest:
        yield rest.removesuffix("\r")


def _object(path: Path, line: int, text: str) -> Row:
    hint = "write one JSON object per line"
    try:
        row = parse_json(text)
    except JsonError as error:
        raise DataError(f"{path}:{line}: {error}", hint) from None
    if not isinstance(row, dict):
        raise DataError(f"{path}:{line}: not a JSON object", hint)
    return row


class _CheckedText(io.TextIOWrapper):
    """UTF-8 text with the line breaks of the file. Raises DataError for other encodings and damaged gzip files."""

    def __init__(self, path: Path) -> None:
        raw = gzip.open(path) if path.suffix.lower() == GZIP else path.open("rb")  # noqa: SIM115
        self._path, self._line = path, 1
        super().__init__(cast(io.BufferedReader, raw), encoding="utf-8-sig", newline="")

    def read(self, size: int | None = -1, /) -> str:
        return self._checked(lambda: super(_CheckedText, self).read(size))

    def __next__(self) -> str:
        return self._checked(super().__next__)

    def _checked(self, read) -> str:
        try:
            text = read()
        except UnicodeDecodeError:
            raise DataError(f"{self._path}:{self._line}: not UTF-8 (in this line or soon after)", _UTF8) from None
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(f"{self._path}: not a complete gzip file: {error}", "compress the file again") from None
        if "\0" in text:
            line = self._line + text.count("\n", 0, text.index("\0"))
            raise DataError(f"{self._path}:{line}: a NUL character", _UTF8)
        self._line += text.count("\n")
        return text


_UTF8 = "save the file as UTF-8 text"


def _open(path: Path) -> io.TextIOBase:
    return cast(io.TextIOBase, _CheckedText(path))
