"""Labels for a user's file: rows in, the same rows with a prediction out."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from xstilts.errors import DataError, UserError
from xstilts.formats.tables import Row
from xstilts.problems import PROBLEMS, Example, ProblemName
from xstilts.problems.cells import Cells

PREDICTED = "predicted"
_LISTED = 10
"""Bad rows that are named."""


def to_examples(
    rows: Sequence[tuple[int, Row]], problem: ProblemName, path: Path, columns: Mapping[str, str] | None = None
) -> list[Example]:
    """Unlabelled examples from numbered rows, by the reader that reads files to train on.

    `columns` are those of the task in its recipe; without any, the file's columns are named like the fields. Raises
    DataError that names all bad rows of the file `path` by line.
    """
    kind = PROBLEMS[problem]
    if not kind.trained or kind.images:
        raise UserError(f"nothing is predicted for {problem} tasks", "name an artifact of a trained task")
    named = columns or {field: field for field in (*kind.columns, *kind.optional_columns)}
    known = {field: column for field, column in named.items() if field in (*kind.columns, *kind.optional_columns)}
    if columns is None:
        in_file = {column for _, row in rows for column in row}
        known = {field: column for field, column in known.items() if field in kind.columns or column in in_file}
    examples: list[Example] = []
    errors: list[DataError] = []
    for line, row in rows:
        try:
            examples.append(kind.read(Cells(path, line, row, known), str(line), "und"))
        except DataError as error:
            errors.append(error)
    if errors:
        more = [f"and {len(errors) - _LISTED} more"] if len(errors) > _LISTED else []
        messages = [error.message for error in errors[:_LISTED]]
        message = "\n  ".join([f"{len(errors)} of {len(rows)} rows cannot be used:", *messages, *more])
        raise DataError(message, errors[0].hint)
    return examples


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
