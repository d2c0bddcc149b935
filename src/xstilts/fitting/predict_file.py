"""Predicts the rows of a file of any size with a fitted model."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from xstilts.errors import DataError, UserError
from xstilts.export.predictions import cell
from xstilts.fitting.model import FittedModel
from xstilts.formats.content import Row
from xstilts.plurals import plural
from xstilts.problems.cells import FileRow

CHUNK = 1024
SHOWN = 5


@dataclass(slots=True)
class Counts:
    """Rows that were read, and those that could not be predicted, the first ones with their reason."""

    rows: int = 0
    unusable: int = 0
    abstained: int = 0
    unlike_training: int = 0
    reasons: list[str] = field(default_factory=list[str])

    def lines(self) -> Iterator[str]:
        """Sentences about what is worth knowing."""
        if self.unusable:
            more = "" if self.unusable <= SHOWN else f" and {self.unusable - SHOWN:,} more"
            yield f"{plural(self.unusable, 'row')} without a prediction: {'; '.join(self.reasons)}{more}"
        if self.abstained:
            yield f"{plural(self.abstained, 'row')} below the threshold for abstention (column `abstained`)"
        if self.unlike_training:
            yield f"{plural(self.unlike_training, 'row')} unlike the training rows (column `unlike_training`)"


def added_columns(column: str, *, details: bool) -> tuple[str, ...]:
    """The columns that `predicted_rows` adds."""
    return (column, "probability", "abstained", "unlike_training") if details else (column,)


def predicted_rows(
    model: FittedModel,
    rows: Iterable[tuple[int, Row]],
    name: str,
    *,
    column: str = "predicted",
    text: str | None = None,
    details: bool = True,
    counts: Counts | None = None,
) -> Iterator[dict[str, Any]]:
    """The rows of a file with their prediction, in order; at most CHUNK are held in memory.

    A row without a usable text has empty predictions and is counted. `text` names the column of the texts instead of
    the one that was named in training. Raises DataError if the first row does not have the model's columns, UserError
    if it already has a column that is added.
    """
    counts = counts if counts is not None else Counts()
    columns = model.facts.text_columns | ({"text": text} if text else {})
    added = added_columns(column, details=details)
    chunk: list[tuple[int, Row]] = []
    for number, (line, row) in enumerate(rows):
        if number == 0:
            _check(row, columns, added, name)
        chunk.append((line, row))
        if len(chunk) == CHUNK:
            yield from _predict(model, chunk, name, columns, added, counts)
            chunk = []
    yield from _predict(model, chunk, name, columns, added, counts)


def _check(row: Row, columns: Mapping[str, str], added: Sequence[str], name: str) -> None:
    if missing := [column for column in columns.values() if column not in row]:
        raise DataError(
            f"{name} has no column {', '.join(map(repr, missing))}, which the model was trained with",
            f"the columns are {', '.join(row)}; name the texts with --text, or rename the column",
        )
    if taken := [column for column in added if column in row]:
        raise UserError(f"{name} already has a column {taken[0]!r}", "name another one with --column, or rename it")


def _predict(
    model: FittedModel,
    chunk: Sequence[tuple[int, Row]],
    name: str,
    columns: Mapping[str, str],
    added: Sequence[str],
    counts: Counts,
) -> Iterator[dict[str, Any]]:
    texts: list[Any] = []
    usable: list[bool] = []
    for line, row in chunk:
        read = FileRow(Path(name), line, row, columns)
        try:
            values = tuple(read.required_text(field) for field in columns)
        except DataError as error:
            counts.unusable += 1
            if len(counts.reasons) < SHOWN:
                counts.reasons.append(error.message)
            usable.append(False)
            continue
        usable.append(True)
        texts.append(values if len(columns) > 1 else "".join(values))
    predictions = iter(model.predictions(texts))
    for (_, row), has_text in zip(chunk, usable, strict=True):
        counts.rows += 1
        if not has_text:
            yield {**row, **dict.fromkeys(added)}
            continue
        one = next(predictions)
        counts.abstained += one.abstained
        counts.unlike_training += one.unlike_training
        values = (one.label, round(one.probability, 4), one.abstained, one.unlike_training)
        yield {**row, **dict(zip(added, values, strict=False))}


def write_stream(rows: Iterable[Mapping[str, Any]], file: TextIO, *, lines: bool, added: Sequence[str]) -> None:
    """Write rows as they come: as JSON Lines, or as CSV with the columns of the first row.

    Raises DataError for a row with another column, whose value CSV has no place for.
    """
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        if lines:
            file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
            continue
        if writer is None:
            names = [*(name for name in row if name not in added), *added]
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
        if extra := [name for name in row if name not in writer.fieldnames]:
            raise DataError(
                f"a row has the column {extra[0]!r}, which the first row lacks", "write JSONL: --output x.jsonl"
            )
        writer.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else cell(value)
