"""Labels for a user's file: rows in, the same rows with a prediction out."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from xstilts.errors import DataError, UserError
from xstilts.problems import Choice, Example, Labelled, ProblemName, Span, Tagged

PREDICTED = "predicted"
_REQUIRED: dict[ProblemName, tuple[str, ...]] = {
    "classification": ("text",),
    "choice": ("prompt", "choices"),
    "span": ("question", "context"),
    "tagging": ("words",),
}
_TOLD = 10
"""Bad rows that are shown."""


def to_examples(rows: Sequence[tuple[int, Mapping[str, Any]]], problem: ProblemName, path: Path) -> list[Example]:
    """Unlabelled examples of `problem` from numbered rows. Columns are named like its fields: `text` and `pair`;
    `prompt` and `choices`; `question` and `context`; `words`. A list is a JSON list, words may also be one string
    with spaces.

    Raises DataError that names all bad rows of the file `path` by line.
    """
    if problem not in _REQUIRED:
        raise UserError(f"nothing is predicted for {problem} tasks", "name an artifact of a trained task")
    examples: list[Example] = []
    wrong: list[str] = []
    for line, row in rows:
        try:
            examples.append(_MAKERS[problem](row, {"id": str(line), "group": str(line), "language": "und"}))
        except ValueError as error:
            wrong.append(f"{path}:{line}: {error}")
    if wrong:
        more = [f"and {len(wrong) - _TOLD} more"] if len(wrong) > _TOLD else []
        needs = " and ".join(f"`{column}`" for column in _REQUIRED[problem])
        message = "\n  ".join([f"{len(wrong)} of {len(rows)} rows cannot be used:", *wrong[:_TOLD], *more])
        raise DataError(message, f"a {problem} task needs {needs}")
    return examples


def _text(row: Mapping[str, Any], column: str) -> str:
    if column not in row:
        raise ValueError(f"there is no {column!r} among {', '.join(map(str, row))}")
    if not isinstance(value := row[column], str) or not value.strip():
        raise ValueError(f"{column!r} is {value!r}, not a text")
    return value


def _texts(row: Mapping[str, Any], column: str, *, split: bool = False) -> tuple[str, ...]:
    value = row.get(column)
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            raise ValueError(f"{column!r} is no JSON list") from None
    elif split:
        value = value.split() if isinstance(value, str) else value
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
        raise ValueError(f"{column!r} is {value!r}, not a list of texts")
    return tuple(value)


def _labelled(row: Mapping[str, Any], common: dict[str, str]) -> Example:
    pair = _text(row, "pair") if row.get("pair") else None
    return Labelled(**common, text=_text(row, "text"), pair=pair, label=None)


def _choice(row: Mapping[str, Any], common: dict[str, str]) -> Example:
    return Choice(**common, prompt=_text(row, "prompt"), choices=_texts(row, "choices"), answer=None)


def _span(row: Mapping[str, Any], common: dict[str, str]) -> Example:
    return Span(**common, question=_text(row, "question"), context=_text(row, "context"), answers=None)


def _tagged(row: Mapping[str, Any], common: dict[str, str]) -> Example:
    return Tagged(**common, words=_texts(row, "words", split=True), tags=None)


_MAKERS: dict[ProblemName, Callable[[Mapping[str, Any], dict[str, str]], Example]] = {
    "classification": _labelled,
    "choice": _choice,
    "span": _span,
    "tagging": _tagged,
}


def write_rows(rows: Iterable[Mapping[str, Any]], file: TextIO, *, lines: bool) -> None:
    """Rows as JSONL where `lines`, else as CSV; lists in a CSV cell are JSON."""
    if lines:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    writer = None
    for row in rows:
        if writer is None:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(row)
        writer.writerow(_cell(value) for value in row.values())


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple) else value
