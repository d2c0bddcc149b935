"""Labels for a user's file: rows in, the same rows with a prediction out."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from xstilts.errors import DataError, UserError
from xstilts.examples import Choice, Example, Labelled, Span, Tagged
from xstilts.problems import ProblemName

Row = dict[str, Any]

PREDICTED = "predicted"
_REQUIRED: dict[ProblemName, tuple[str, ...]] = {
    "classification": ("text",),
    "choice": ("prompt", "choices"),
    "span": ("question", "context"),
    "tagging": ("words",),
}


def read_rows(path: Path) -> list[Row]:
    """The rows of a CSV, TSV or JSONL file. Raises DataError naming file and row for one that cannot be used."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            match path.suffix:
                case ".jsonl" | ".ndjson":
                    return list(_json_rows(path, file))
                case ".csv" | ".tsv":
                    return list(_csv_rows(path, file))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    raise DataError(f"{path} is neither .csv, .tsv nor .jsonl", "rename or convert the file")


def _json_rows(path: Path, file: TextIO) -> Iterator[Row]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}, row {number}: {error.msg}", "every line must be one JSON object") from None
        if not isinstance(row, dict):
            raise DataError(f"{path}, row {number}: this is no JSON object", "every line must be one JSON object")
        yield row


def _csv_rows(path: Path, file: TextIO) -> Iterator[Row]:
    reader = csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
    try:
        header = next(reader, [])
        for number, cells in enumerate(reader, start=1):
            if len(cells) != len(header):
                message = f"{path}, row {number}: {len(cells)} cells under {len(header)} columns"
                raise DataError(message, "quote cells that hold the separator")
            yield dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num}: {error}", "quote cells that hold quotes or line breaks"
        ) from None


def to_examples(rows: Sequence[Mapping[str, Any]], problem: ProblemName, name: str) -> list[Example]:
    """Unlabelled examples of `problem`. Columns are named like its fields: `text` and `pair`; `prompt` and `choices`;
    `question` and `context`; `words`. A list is a JSON list, words may also be one string with spaces.

    Raises DataError that names all bad rows of the file `name`.
    """
    if problem not in _REQUIRED:
        raise UserError(f"nothing is predicted for {problem} tasks")
    examples: list[Example] = []
    wrong: list[str] = []
    for number, row in enumerate(rows, start=1):
        try:
            examples.append(_MAKERS[problem](row, {"id": str(number), "group": str(number), "language": "und"}))
        except ValueError as error:
            wrong.append(f"row {number}: {error}")
    if wrong:
        more = f"\n  and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        needs = " and ".join(f"`{column}`" for column in _REQUIRED[problem])
        raise DataError("\n  ".join([f"{name} has bad rows:", *wrong[:10]]) + more, f"a {problem} task needs {needs}")
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
