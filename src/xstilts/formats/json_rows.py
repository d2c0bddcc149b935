"""Rows of JSON Lines and JSON files, among them exports of annotation tools and files in SQuAD format."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from xstilts.errors import DataError
from xstilts.formats.content import Row, read_text
from xstilts.formats.doccano import doccano_rows, is_doccano
from xstilts.formats.json_values import JsonError, array_elements, parse_json
from xstilts.formats.label_studio import (
    is_label_studio,
    is_label_studio_min,
    label_studio_min_rows,
    label_studio_rows,
)
from xstilts.formats.notes import Notes
from xstilts.formats.prodigy import is_prodigy, prodigy_rows
from xstilts.formats.squad import is_squad, squad_questions

NumberedRow = tuple[int, Row]
Export = Callable[[Path, Sequence[NumberedRow], Notes], Iterator[NumberedRow]]

EXPORTS: Sequence[tuple[Callable[[Row], bool], Export]] = (
    (is_label_studio, label_studio_rows),
    (is_label_studio_min, label_studio_min_rows),
    (is_prodigy, prodigy_rows),
    (is_doccano, doccano_rows),
)
"""The annotation tools: whether the first row of a file is theirs, and the reader of all rows."""

_LINES_HINT = "write one JSON object per line"
_JSON_HINT = "write an array of objects, or an object of columns"


def json_lines(path: Path, notes: Notes) -> Iterator[NumberedRow]:
    """The rows of a JSON Lines file, with columns derived from annotations as `doccano`, `label_studio` and `prodigy`
    describe. Raises DataError, with the line, for values that `parse_json` refuses."""
    yield from _with_annotations(path, _line_objects(path), notes)


def json_file(path: Path, notes: Notes) -> Iterator[NumberedRow]:
    """The rows of a JSON file. The position of a row is its line in an array, else its number.

    The file has an array of objects, {"data": array of objects}, an object of columns, {"columns": names, "data":
    arrays} as pandas writes it, or SQuAD format. Annotations are treated as in `json_lines`. Raises DataError for
    values that `parse_json` refuses, and for columns of unequal length.
    """
    text = read_text(path)
    start = len(text) - len(text.lstrip(" \t\r\n"))
    if text[start : start + 1] == "[":
        yield from _with_annotations(path, _array_objects(path, text, start), notes)
        return
    try:
        content = parse_json(text)
    except JsonError as error:
        raise _located(path, text, error, 0, _JSON_HINT) from None
    if is_squad(content):
        yield from squad_questions(path)
    else:
        yield from _with_annotations(path, _objects(path, content), notes)


def _with_annotations(path: Path, rows: Iterator[NumberedRow], notes: Notes) -> Iterator[NumberedRow]:
    first = next(rows, None)
    if first is None:
        return iter(())
    for recognises, read in EXPORTS:
        if recognises(first[1]):
            return read(path, [first, *rows], notes)
    return chain([first], rows)


def _line_objects(path: Path) -> Iterator[NumberedRow]:
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            row = parse_json(text)
        except JsonError as error:
            raise DataError(f"{path}:{line}: {error}", _LINES_HINT) from None
        if not isinstance(row, dict):
            raise DataError(f"{path}:{line}: not a JSON object", _LINES_HINT)
        yield line, row


def _array_objects(path: Path, text: str, start: int) -> Iterator[NumberedRow]:
    line, counted = 1, 0
    try:
        for position, row in array_elements(text, start):
            line += text.count("\n", counted, position)
            counted = position
            if not isinstance(row, dict):
                raise DataError(f"{path}:{line}: not a JSON object", _JSON_HINT)
            yield line, row
    except JsonError as error:
        raise _located(path, text, error, counted, _JSON_HINT) from None


def _objects(path: Path, content: Any) -> Iterator[NumberedRow]:
    if not isinstance(content, dict):
        raise DataError(f"{path}:1: neither an array nor an object", _JSON_HINT)
    data, names = content.get("data"), content.get("columns")
    if isinstance(data, list) and isinstance(names, list):
        if not all(isinstance(cells, list) and len(cells) == len(names) for cells in data):
            raise DataError(f"{path}: not every array in `data` is as long as `columns`", _JSON_HINT)
        return enumerate((dict(zip(map(str, names), cells, strict=True)) for cells in data), start=1)
    if isinstance(data, list) and all(isinstance(row, dict) for row in data):
        return enumerate(data, start=1)
    return enumerate(_columns_to_rows(path, content), start=1)


def _columns_to_rows(path: Path, content: Mapping[str, Any]) -> Iterator[Row]:
    """Rows of columns that are arrays, or objects by row name as pandas writes them."""
    columns = list(content.values())
    if columns and all(isinstance(column, dict) for column in columns):
        if any(column.keys() != columns[0].keys() for column in columns):
            raise DataError(f"{path}: the columns have different rows", _JSON_HINT)
        columns = [[column[name] for name in columns[0]] for column in columns]
    if not columns or not all(isinstance(column, list) for column in columns):
        raise DataError(f"{path}:1: neither rows nor columns", _JSON_HINT)
    if len({len(column) for column in columns}) > 1:
        raise DataError(f"{path}: the columns have different lengths", _JSON_HINT)
    return (dict(zip(content, cells, strict=True)) for cells in zip(*columns, strict=True))


def _located(path: Path, text: str, error: JsonError, offset: int, hint: str) -> DataError:
    """An error with the line of its position, or of `offset` if it has none."""
    line = text.count("\n", 0, offset if error.position is None else error.position) + 1
    return DataError(f"{path}:{line}: {error}", hint)
