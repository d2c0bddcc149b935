"""A CSV file of corrected labels, which `xstilts fit --shots` reads."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xstilts.errors import DataError, did_you_mean
from xstilts.fitting.facts import ModelFacts
from xstilts.formats.tables import read_rows
from xstilts.platform.files import locked, write_file
from xstilts.problems.cells import parse_list
from xstilts.serving.refusals import RefusedError
from xstilts.serving.schemas import CorrectionRequest, CorrectionResponse, Labels

Row = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """`row` was written at `index`, in place of `before`, or at the end if that is None. `digest` is that of the file
    after it."""

    number: int
    request: CorrectionRequest
    index: int
    before: Row | None
    digest: bytes
    is_new_file: bool


class Corrections:
    """The file at `path`, with one row for each corrected text. A new label for a text replaces its row.

    Cells are written as they are, since they are training data: a text that begins with `=` is no formula here, and
    a mark before it would be part of the text. Multi-label cells are JSON lists, or blank for no label.
    """

    def __init__(self, path: Path, facts: ModelFacts) -> None:
        """Raises DataError if there is a file with other columns, or it cannot be read, or is no .csv file."""
        self.path, self._facts = path, facts
        self._text_columns = list(facts.text_columns.values())
        fields = ("label", "labels")
        self._label_column = next((facts.columns[field] for field in fields if field in facts.columns), "label")
        taken = (*self._text_columns, self._label_column)
        self._predicted_column = "predicted" if "predicted" not in taken else "predicted_by_model"
        self._columns = [*taken, self._predicted_column]
        self._history: list[_Change] = []
        self._number = 0
        self.rows = len(self._read())

    def add(self, request: CorrectionRequest) -> CorrectionResponse:
        """Save a correction. Raises RefusedError (422) for a label that the model does not have."""
        for labels in (request.label, request.predicted):
            self._check(labels)
        with self._locked():
            is_new_file = not self.path.exists()
            rows = self._read()
            row = self._row(request)
            keys = [self._key(other) for other in rows]
            index = keys.index(self._key(row)) if self._key(row) in keys else len(rows)
            before = rows[index] if index < len(rows) else None
            rows[index : index + 1] = [row]
            digest = self._write(rows)
        self._number += 1
        change = _Change(
            number=self._number,
            request=request,
            index=index,
            before=before,
            digest=digest,
            is_new_file=is_new_file,
        )
        self._history.append(change)
        return self._response(change)

    def undo(self, number: int | None = None) -> CorrectionResponse:
        """Undo the last correction since the start of the server, which must be `number` if that is given.

        Raises RefusedError: 404 if there is none; 409 if it is another one, or the file was changed since.
        """
        if not self._history:
            raise RefusedError(
                404, "there is no correction to undo", "only those since the start of the server can be undone"
            )
        change = self._history[-1]
        if number is not None and number != change.number:
            raise RefusedError(
                409, f"the last correction is number {change.number}, not {number}", "undo that one first"
            )
        with self._locked():
            if not self.path.is_file() or _digest(self.path.read_bytes()) != change.digest:
                raise RefusedError(409, f"{self.path} was changed since the last correction", "edit the file by hand")
            rows = self._read()
            rows[change.index : change.index + 1] = [] if change.before is None else [change.before]
            if change.is_new_file:
                self.path.unlink()
                self.rows = 0
            else:
                self._write(rows)
        self._history.pop()
        return self._response(change)

    def _response(self, change: _Change) -> CorrectionResponse:
        replaced = None if change.before is None else self._parsed(change.before[self._label_column])
        return CorrectionResponse(
            number=change.number,
            text=change.request.text,
            label=change.request.label,
            replaced=replaced,
            rows=self.rows,
        )

    def _check(self, labels: Labels) -> None:
        is_list, wanted = isinstance(labels, list), self._facts.problem == "multi-label"
        if is_list != wanted:
            raise RefusedError(422, f"the model predicts {'lists of labels' if wanted else 'one label'}", "send that")
        for label in labels if isinstance(labels, list) else [labels]:
            if label not in self._facts.labels:
                raise RefusedError(422, f"the model has no label {label!r}", did_you_mean(label, self._facts.labels))

    def _row(self, request: CorrectionRequest) -> Row:
        parts = [request.text] if isinstance(request.text, str) else request.text
        texts = dict(zip(self._text_columns, (part.strip() for part in parts), strict=True))
        labels = {self._label_column: self._cell(request.label), self._predicted_column: self._cell(request.predicted)}
        return texts | labels

    def _cell(self, labels: Labels) -> str:
        if isinstance(labels, str):
            return labels
        ordered = [label for label in self._facts.labels if label in labels]
        return json.dumps(ordered, ensure_ascii=False) if ordered else ""

    def _parsed(self, cell: str) -> Labels:
        if self._facts.problem != "multi-label":
            return cell
        return [str(label) for label in parse_list(cell) or ([cell] if cell else [])]

    def _key(self, row: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(row[column].strip() for column in self._text_columns)

    def _read(self) -> list[Row]:
        exists = self.path.exists()
        if self.path.suffix.lower() != ".csv" or (exists and not self.path.is_file()):
            raise DataError(f"{self.path} is no CSV file", "name a file that ends in .csv")
        if not exists or not self.path.stat().st_size:
            return []
        rows = [{name: str(cell) for name, cell in row.items()} for _, row in read_rows(self.path).rows]
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            header = list(rows[0]) if rows else next(csv.reader(file), [])
        if set(header) != set(self._columns):
            message = f"{self.path} has the columns {', '.join(header)}, not {', '.join(self._columns)}"
            raise DataError(message, "name another file with --corrections")
        return rows

    def _write(self, rows: Sequence[Row]) -> bytes:
        """Write the file and return its digest."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._columns)  # its line ending is CRLF: with LF, a CR in a cell is not quoted
        writer.writeheader()
        writer.writerows(rows)
        content = text.getvalue().encode()
        write_file(self.path, content)
        self.rows = len(rows)
        return _digest(content)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path.with_name(f".{self.path.name}.lock")):
            yield


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
