"""Exports of Doccano: `text` and `label`, `labels` or `entities`, a list of names or of spans."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xstilts.errors import DataError
from xstilts.formats.content import Row
from xstilts.formats.notes import Notes
from xstilts.formats.spans import Span, label_columns, listed, note_relations, parse_span, tag_words

_KEYS = ("label", "labels", "entities")


def is_doccano(row: Row) -> bool:
    """Whether a row has a `text` and a list of labels as Doccano writes it."""
    fields = [row[key] for key in _KEYS if key in row]
    lists = [field for field in fields if isinstance(field, list)]
    return (
        isinstance(row.get("text"), str)
        and bool(lists)
        and all(_is_annotation(one) for field in lists for one in field)
        and all(isinstance(field, list | str | None) for field in fields)
    )


def doccano_rows(path: Path, rows: Sequence[tuple[int, Row]], notes: Notes) -> Iterator[tuple[int, Row]]:
    """Rows with `label` and `labels`, or with `words` and `tags` if any row of the file has spans.

    Relations are ignored (note `relations-ignored`). Raises DataError, with the line, if only some rows have the form
    of annotated spans.
    """
    has_spans = any(_spans(row) or "entities" in row for _, row in rows)
    for line, row in rows:
        where = f"{path}:{line}"
        if has_spans and not is_doccano(row):
            hint = "write each span as [start, end, label], or with start_offset, end_offset and label"
            raise DataError(f"{where}: no `text`, or no list of spans", hint)
        columns: Row = {}
        if is_doccano(row):
            columns = _label_columns(row)
        if has_spans:
            spans = [_span(annotation, where) for annotation in _spans(row)]
            columns = {**columns, **tag_words(row["text"], spans, None, where, line, notes)}
            note_relations(row.get("relations"), line, notes)
        yield line, {**row, **columns}


def _label_columns(row: Row) -> Row:
    """`label` and `labels`, as far as the row lacks them or has a list of names as `label`."""
    for key in ("label", "labels"):
        names = row.get(key)
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            derived = label_columns(names)
            return {column: value for column, value in derived.items() if column == key or column not in row}
    return {}


def _is_annotation(one: Any) -> bool:
    return (
        isinstance(one, str)
        or (isinstance(one, list) and len(one) == 3 and isinstance(one[2], str))
        or (isinstance(one, dict) and {"start_offset", "end_offset", "label"} <= one.keys())
    )


def _spans(row: Row) -> list[Any]:
    return [one for key in _KEYS for one in listed(row.get(key)) if isinstance(one, list | dict)]


def _span(annotation: Any, where: str) -> Span:
    keys = ("start_offset", "end_offset", "label")
    start, end, label = annotation if isinstance(annotation, list) else (annotation[key] for key in keys)
    return parse_span(start, end, label, where)
