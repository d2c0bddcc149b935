"""Predictions for a user's file: reads examples from its rows, and writes the rows with predictions."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from xstilts.errors import DataError, UserError
from xstilts.formats.tables import Row
from xstilts.problems import PROBLEMS, Example, ProblemName
from xstilts.problems.cells import FileRow

_MAX_LISTED = 10
"""Invalid rows that are listed in the error."""


def to_examples(
    rows: Sequence[tuple[int, Row]],
    problem: ProblemName,
    path: Path,
    columns: Mapping[str, str] | None = None,
    *,
    reads_pairs: bool = False,
) -> list[Example]:
    """Unlabelled examples from numbered rows, read in the same way as training files.

    `columns` are those of the task in its recipe; without it, the file's columns must be named like the fields. Raises
    DataError that lists the invalid rows of the file `path` by line.
    """
    spec = PROBLEMS[problem]
    if not spec.is_trained or spec.has_images:
        raise UserError(f"there are no predictions for {problem} tasks", "name an artifact of a trained text task")
    fields = (*spec.columns, *spec.optional_columns)
    if columns is None:
        in_file = {column for _, row in rows for column in row}
        columns = {field: field for field in fields if field in spec.columns or field in in_file}
    else:
        columns = {field: column for field, column in columns.items() if field in fields}
    if reads_pairs:
        columns = {"pair": "pair", **columns}
    cells = [(FileRow(path, line, row, columns), str(line)) for line, row in rows]
    examples, errors = spec.read_rows(cells, "und")
    if errors:
        more = [f"and {len(errors) - _MAX_LISTED} more"] if len(errors) > _MAX_LISTED else []
        messages = [error.message for error in errors[:_MAX_LISTED]]
        message = "\n  ".join([f"{len(errors)} of {len(rows)} rows cannot be used:", *messages, *more])
        raise DataError(message, errors[0].hint)
    return list(examples)


def write_rows(rows: Sequence[Mapping[str, Any]], file: TextIO, last: str, *, lines: bool) -> None:
    """Write rows as JSONL if `lines`, else as CSV with a column for every key, in order of appearance, `last` at the
    end. Lists in CSV cells are JSON."""
    if lines:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    elif rows:
        columns = [*dict.fromkeys(key for row in rows for key in row if key != last), last]
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: cell(value) for key, value in row.items()} for row in rows)


def cell(value: object) -> object:
    """A value of a CSV cell: lists and objects as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple | dict) else value
