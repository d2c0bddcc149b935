"""Rows of CSV and TSV files. Whether a file is quoted, and its separator, are decided from the whole file."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xstilts.errors import DataError
from xstilts.formats.content import Row, read_text
from xstilts.formats.named_rows import Cells, is_blank, named_rows, width_error
from xstilts.formats.notes import Notes

csv.field_size_limit(2**31 - 1)  # the default refuses cells of more than 131,072 characters

Open = Callable[[], io.TextIOBase]
"""Opens the text of a file at its start, with the line breaks that it has."""
HEAD = 1 << 20
"""Characters that the header and the blank lines before it may have."""

_STATED = re.compile(r'"?sep=([^"\r\n])"?\r?\n', re.IGNORECASE)
_OTHER_SEPARATORS = {";": "';'", "\t": "a tab"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How to parse a file. `skip` is the number of lines before the header."""

    delimiter: str
    quoted: bool = True
    skip: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a layout does not fit a file. `ambiguous` if the file can be parsed, but rows may have been joined."""

    error: DataError
    line: int
    ambiguous: bool = False


class _QuotesError(DataError):
    def __init__(self, path: Path, line: int, what: str) -> None:
        super().__init__(f"{path}:{line}: {what}", "close every quote, and double a quote inside quotes")
        self.line = line


def csv_rows(path: Path, notes: Notes) -> Iterator[tuple[int, Row]]:
    """The rows of a CSV file with a header.

    A first line `sep=X` states the separator. If there is none and no comma in the header, a semicolon or tab is the
    separator if it gives every row as many cells as the header (note `separator-guessed`). Raises DataError, with the
    line, for malformed quotes and for rows that are shorter or longer than the header.
    """
    yield from opened_csv_rows(path, _opener(read_text(path)), notes)


def opened_csv_rows(path: Path, opened: Open, notes: Notes) -> Iterator[tuple[int, Row]]:
    """As `csv_rows`, from a text that is read several times instead of being held in memory."""
    head = _head(opened)
    if stated := _STATED.match(head):
        layout = Layout(delimiter=stated[1], skip=1)
    else:
        layout = _guess_separator(path, head, opened, notes) or Layout(delimiter=",")
    yield from named_rows(path, lambda: _cells(path, opened, layout), notes)


def tsv_rows(path: Path, notes: Notes) -> Iterator[tuple[int, Row]]:
    """The rows of a TSV file with a header.

    The file counts as unquoted (note `unquoted`) if quotes give malformed rows or a cell with both a tab and a line
    break, and if without quotes every row is as long as the header. Raises DataError, with the line, if neither fits,
    and for a cell with a line break in a single column, where both fit.
    """
    yield from opened_tsv_rows(path, _opener(read_text(path)), notes)


def opened_tsv_rows(path: Path, opened: Open, notes: Notes) -> Iterator[tuple[int, Row]]:
    """As `tsv_rows`, from a text that is read several times instead of being held in memory."""
    layout = Layout(delimiter="\t")
    if fault := _fault(path, opened, layout):
        layout, header = Layout(delimiter="\t", quoted=False), _header_line(_head(opened))
        surely_quoted = header.startswith('"') or (fault.ambiguous and "\t" not in header)
        if surely_quoted or _fault(path, opened, layout):
            raise fault.error
        notes.add("unquoted", fault.line, "the file was read as unquoted; quotation marks are part of the text")
    yield from named_rows(path, lambda: _cells(path, opened, layout), notes)


def delimited_rows(path: Path, delimiter: str, *, quoted: bool = True) -> Iterator[tuple[int, Row]]:
    """The rows of a delimited file with a header; without `quoted`, quotation marks have no special meaning."""
    opened, layout = _opener(read_text(path)), Layout(delimiter=delimiter, quoted=quoted)
    yield from named_rows(path, lambda: _cells(path, opened, layout), Notes())


def _opener(text: str) -> Open:
    return lambda: io.StringIO(text, newline="")


def _head(opened: Open) -> str:
    with opened() as lines:
        return lines.read(HEAD)


def _cells(path: Path, opened: Open, layout: Layout) -> Iterator[Cells]:
    with opened() as lines:
        yield from _cells_of(path, lines, layout)


def _cells_of(path: Path, lines: io.TextIOBase, layout: Layout) -> Iterator[Cells]:
    for _ in range(layout.skip):
        lines.readline()
    quoting = csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE
    reader = csv.reader(lines, delimiter=layout.delimiter, strict=True, quoting=quoting)
    while True:
        line = reader.line_num + layout.skip + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _QuotesError(path, line, str(error)) from None
        if cells is None:
            return
        yield line, cells


def _fault(path: Path, opened: Open, layout: Layout) -> Fault | None:
    """The first row that is malformed, of another length than the header or, in a quoted TSV, may join several rows."""
    width = 0
    try:
        for line, cells in _cells(path, opened, layout):
            if is_blank(cells):
                continue
            width = width or len(cells)
            if layout.delimiter == "\t" and (opening := _joined_rows(cells, line, single_column=width == 1)):
                message = f"{path}:{opening}: the quotation mark that opens this cell joins it with the next lines"
                hint = "delete the quotation mark, or save the file as CSV or JSONL"
                return Fault(error=DataError(message, hint), line=opening, ambiguous=True)
            if len(cells) != width:
                return Fault(error=width_error(path, line, cells, width), line=line)
    except _QuotesError as error:
        return Fault(error=error, line=error.line)
    return None


def _joined_rows(cells: list[str], line: int, *, single_column: bool) -> int | None:
    """The line of the quotation mark that opens a cell with a line break and, unless `single_column`, a tab."""
    for cell in cells:
        breaks = len(re.findall(r"\r\n|\r|\n", cell))
        if breaks and (single_column or "\t" in cell):
            return line
        line += breaks
    return None


def _guess_separator(path: Path, head: str, opened: Open, notes: Notes) -> Layout | None:
    """The layout of a file whose header has no comma but another separator. Raises DataError if that fits badly."""
    header = _header_line(head)
    separator = next((separator for separator in _OTHER_SEPARATORS if separator in header), None)
    if separator is None or "," in header:
        return None
    layout, name = Layout(delimiter=separator), _OTHER_SEPARATORS[separator]
    line = head.count("\n", 0, len(head) - len(head.lstrip())) + 1
    if fault := _fault(path, opened, layout):
        message = f"{path}:{line}: the separator seems to be {name}, but line {fault.line} does not fit"
        raise DataError(message, f"fix the line and write `sep={separator}` as the first line, or use commas")
    notes.add("separator-guessed", line, f"the separator is {name}, not a comma")
    return layout


def _header_line(text: str) -> str:
    start = len(text) - len(text.lstrip())
    first = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    return re.split(r"[\r\n]", text[first:], maxsplit=1)[0]
