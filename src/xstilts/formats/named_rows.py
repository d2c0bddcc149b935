"""Rows of a table by the names in its header."""

from collections.abc import Callable, Iterator
from pathlib import Path

from xstilts.errors import DataError
from xstilts.formats.content import Row
from xstilts.formats.notes import Notes
from xstilts.plurals import plural

Cells = tuple[int, list[str]]
"""The line on which a row begins, and its cells."""


def named_rows(path: Path, read_cells: Callable[[], Iterator[Cells]], notes: Notes) -> Iterator[tuple[int, Row]]:
    """The rows of a table by the names in its header, the first row that is not blank.

    `read_cells` starts a new pass over the table. Blank rows are skipped (note `blank-rows`), and so are unnamed
    columns at the end that are blank in every row. Raises DataError for an empty table, a header with equal names, and
    rows of another length than the header.
    """
    rows = read_cells()
    line, header = next((row for row in rows if not is_blank(row[1])), (0, []))
    if not header:
        raise DataError(f"{path}: the file is empty", "add a header and rows")
    names = [cell.strip() for cell in header]
    width = len(names)
    while not names[-1]:
        names.pop()
    if len(names) < width and any(not is_blank(cells[len(names) :]) for _, cells in read_cells()):
        names += [""] * (width - len(names))
    if repeated := {name for name in names if names.count(name) > 1}:
        raise DataError(f"{path}:{line}: column {min(repeated)!r} occurs twice", "give every column a unique name")
    for line, cells in rows:
        if is_blank(cells):
            if cells:
                notes.add("blank-rows", line, "blank rows were skipped")
        elif len(cells) != width:
            raise width_error(path, line, cells, width)
        else:
            yield line, dict(zip(names, cells, strict=False))


def is_blank(cells: list[str]) -> bool:
    return not any(cell.strip() for cell in cells)


def width_error(path: Path, line: int, cells: list[str], width: int) -> DataError:
    message = f"{path}:{line}: {plural(len(cells), 'cell')}, but the header has {width}"
    return DataError(message, "quote cells that contain the separator")
