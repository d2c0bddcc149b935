"""Exports of Prodigy: `text`, `answer`, and `label`, `accept` (chosen options) or `spans`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from xstilts.errors import DataError
from xstilts.formats.content import Row
from xstilts.formats.notes import Notes
from xstilts.formats.spans import Span, label_columns, note_relations, parse_span, tag_words
from xstilts.formats.words import Word

_ANSWERS = ("accept", "reject", "ignore")
_OWN_KEYS = {"_task_hash", "_input_hash", "spans", "tokens", "accept"}


def is_prodigy(row: Row) -> bool:
    """Whether a row has a `text`, an `answer` of Prodigy and another of its keys."""
    return (
        isinstance(row.get("text"), str) and row.get("answer") in _ANSWERS and bool(row.keys() & {*_OWN_KEYS, "label"})
    )


def prodigy_rows(path: Path, rows: Sequence[tuple[int, Row]], notes: Notes) -> Iterator[tuple[int, Row]]:
    """The accepted rows with `label` and `labels`, or with `words` and `tags` if any row of the file has `spans`.

    Rejected and ignored rows are left out (note `answers-left-out`). Relations are ignored (note `relations-ignored`).
    Raises DataError, with the line, for annotations of another form.
    """
    if not all(is_prodigy(row) for _, row in rows) and not any(row.keys() & _OWN_KEYS for _, row in rows):
        yield from rows
        return
    has_spans = any("spans" in row or "tokens" in row for _, row in rows)
    for line, row in rows:
        where = f"{path}:{line}"
        if not is_prodigy(row):
            raise DataError(f"{where}: no `text`, or no `answer`", f"`answer` is one of {', '.join(_ANSWERS)}")
        if row["answer"] != "accept":
            notes.add("answers-left-out", line, "rejected and ignored rows were left out")
            continue
        note_relations(row.get("relations"), line, notes)
        columns = _labels(row, where)
        if has_spans:
            spans = [_span(annotation, where) for annotation in _list(row, "spans", where)]
            words = _words(row, where) if "tokens" in row else None
            columns = {**columns, **tag_words(row["text"], spans, words, where, line, notes)}
        yield line, {**row, **columns}


def _labels(row: Row, where: str) -> Row:
    if "accept" in row:
        return label_columns(_list(row, "accept", where))
    return label_columns([row["label"]]) if isinstance(row.get("label"), str) else {}


def _span(annotation: Any, where: str) -> Span:
    if not isinstance(annotation, dict):
        raise DataError(f"{where}: a span is not an object", "give its start, end and label")
    return parse_span(annotation.get("start"), annotation.get("end"), annotation.get("label"), where)


def _words(row: Row, where: str) -> list[Word]:
    """The offsets of the tokens, without those that are white space."""
    text, words, position = row["text"], [], 0
    for token in _list(row, "tokens", where):
        start, end = (token.get("start"), token.get("end")) if isinstance(token, dict) else (None, None)
        if not isinstance(start, int) or not isinstance(end, int) or not position <= start <= end <= len(text):
            raise DataError(
                f"{where}: a token has no offsets in the text", "give each token its start and end, in order"
            )
        if token.get("text", text[start:end]) != text[start:end]:
            hint = "offsets count characters (code points) from 0, and the end is exclusive"
            raise DataError(f"{where}: the token {start}-{end} does not match the text", hint)
        position = end
        if text[start:end].strip():
            words.append((start, end))
    return words


def _list(row: Row, key: str, where: str) -> list[Any]:
    value = row.get(key) or []
    if not isinstance(value, list):
        raise DataError(f"{where}: `{key}` is not a list", "export the annotations again")
    return value
