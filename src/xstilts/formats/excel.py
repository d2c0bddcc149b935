"""Rows of the first sheet of an Excel file."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from xstilts.errors import DataError
from xstilts.formats.content import Row, read_bytes
from xstilts.formats.named_rows import Cells, named_rows
from xstilts.formats.notes import Notes

MAX_BYTES = 1 << 30
"""The most bytes that the parts of a file may decompress to."""
MAX_CELLS = 50_000_000
"""The most cells in the rectangle of a sheet, blank ones included: the library allocates all of them."""
_CHUNK = 1 << 20
_REFERENCE = re.compile(rb"\br\s*=\s*[\"'](?P<column>[A-Za-z]*)(?P<row>[0-9]*)[\"']")
_OVERLAP = 40
_HINT = "save the sheet as .xlsx or .csv again"


def excel_rows(path: Path, notes: Notes) -> Iterator[tuple[int, Row]]:
    """The rows of the first sheet with their row numbers in Excel. All values are texts, as in a CSV file.

    Blank cells are empty texts; so are formulas with an error. Further sheets are ignored (note `sheets-ignored`).
    Raises DataError for damaged and oversized files, and for tables that `named_rows` refuses.
    """
    content = read_bytes(path)
    _check_size(path, content)
    table, sheets = _read(path, content)
    if sheets > 1:
        notes.add("sheets-ignored", 1, "only the first sheet was read", count=sheets - 1)
    yield from named_rows(path, lambda: iter(table), notes)


def _read(path: Path, content: bytes) -> tuple[list[Cells], int]:
    """The cells of the first sheet, and the number of sheets."""
    import fastexcel
    from polars.exceptions import PolarsError

    try:
        workbook = fastexcel.read_excel(content)
        sheet = workbook.load_sheet(0, header_row=None, skip_rows=0, dtypes="string")
        rows = sheet.to_polars().iter_rows() if sheet.width else iter(())
        table = [(line, ["" if cell is None else cell for cell in row]) for line, row in enumerate(rows, start=1)]
        return table, len(workbook.sheet_names)
    except BaseException as error:  # the panic of a Rust library is no Exception and has no importable name
        expected = (fastexcel.FastExcelError, PolarsError, OSError, ValueError)
        if isinstance(error, expected) or type(error).__name__ == "PanicException":
            raise DataError(f"{path}: not an Excel file: {error}", _HINT) from None
        raise


def _check_size(path: Path, content: bytes) -> None:
    """Raises DataError for a damaged archive, and for one that would take too much memory."""
    size = 0
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for name in archive.namelist():
                last_row = last_column = 0
                tail = b""
                with archive.open(name) as part:
                    while chunk := part.read(_CHUNK):
                        size += len(chunk)
                        if size > MAX_BYTES:
                            raise DataError(f"{path}: decompresses to more than {MAX_BYTES:,} bytes", "save it as .csv")
                        for reference in _REFERENCE.finditer(tail + chunk):
                            last_row = max(last_row, int(reference["row"] or b"0"))
                            last_column = max(last_column, _column_number(reference["column"]))
                        tail = chunk[-_OVERLAP:]
                if last_row * max(1, last_column) > MAX_CELLS:
                    message = f"{path}: {name} has {last_row:,} rows and {last_column:,} columns"
                    raise DataError(message, "delete the cells far away from the table, or save it as .csv")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: not an Excel file: {error}", _HINT) from None


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number
