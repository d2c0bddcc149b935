"""Labelled and unlabelled rows from files, data frames, lists and data sets of the Hub. Does not import torch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.data import hub_data
from xstilts.errors import DataError
from xstilts.formats.content import Row, format_suffix
from xstilts.formats.notes import Note
from xstilts.formats.tables import read_rows
from xstilts.formats.text_lines import numbered_lines
from xstilts.platform.files import expand_home
from xstilts.tasks.benchmark import Hub

Source = Any
"""A path; `hub:owner/name`, `hub:owner/name/configuration` or either with `:split`; a pandas or polars frame; a
`datasets.Dataset`; a list of dictionaries, of (text, label) tuples, or of texts."""

HUB = "hub:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """The rows of one source with their line (or number, from 1), and what its reader repaired or guessed."""

    name: str
    """The path, or the name of the argument."""
    rows: Sequence[tuple[int, Row]]
    notes: Sequence[Note] = ()
    is_text: bool = False
    """Whether each row is one text, in the column `text`."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of all rows, in order of appearance."""
        return tuple(dict.fromkeys(column for _, row in self.rows for column in row))

    @property
    def path(self) -> Path:
        return Path(self.name)

    def texts(self, column: str, limit: int = 1000) -> list[str]:
        """The values of a column in the first rows, as texts; missing ones left out."""
        values = (row.get(column) for _, row in self.rows[:limit])
        return [str(value) for value in values if value is not None and str(value).strip()]


def read_input(source: Source, argument: str, *, cache: Path, offline: bool) -> Input:
    """The rows of a source. `argument` names it in messages if it is no file.

    Raises DataError if it cannot be read or is empty, SourceError for a data set of the Hub that cannot be fetched.
    """
    if isinstance(source, str) and source.startswith(HUB):
        read = _hub_input(source, cache, offline)
    elif isinstance(source, str | Path):
        read = _file_input(expand_home(source))
    else:
        read = _values_input(source, argument)
    if not read.rows:
        raise DataError(f"{read.name} has no rows", f"give `{argument}` at least one row")
    return read


def _file_input(path: Path) -> Input:
    if path.is_dir():
        raise DataError(f"{path} is a folder", "name one of its files")
    if format_suffix(path) == ".txt":
        return Input(name=str(path), rows=[(line, {"text": text}) for line, text in numbered_lines(path)], is_text=True)
    table = read_rows(path)
    return Input(name=str(path), rows=table.rows, notes=table.notes)


def _hub_input(location: str, cache: Path, offline: bool) -> Input:
    repository, _, split = location.removeprefix(HUB).partition(":")
    owner, _, rest = repository.partition("/")
    name, _, configuration = rest.partition("/")
    if not owner or not name:
        raise DataError(f"{location} names no data set", "write hub:owner/name, or hub:owner/name/configuration:split")
    split = split or "train"
    dataset = Hub(repository=f"{owner}/{name}", config=configuration or "default", splits={split: split})
    paths = hub_data.parquet_files(dataset, split, "", cache=cache, offline=offline)
    rows = [row for path in paths for _, row in read_rows(path).rows]
    return Input(name=location, rows=list(enumerate(rows, start=1)))


def _values_input(source: Any, argument: str) -> Input:
    rows: list[Row] = []
    records = _records(source)
    if records is None:
        raise DataError(
            f"`{argument}` is a {type(source).__name__}, which cannot be read",
            "give a path, a pandas or polars frame, or a list of dictionaries, of (text, label) tuples or of texts",
        )
    only_texts = True
    for number, record in enumerate(records, start=1):
        match record:
            case str():
                rows.append({"text": _clean(record)})
                continue
            case Mapping():
                rows.append({str(key): _plain(value) for key, value in record.items()})
            case (text, label):
                rows.append({"text": _plain(text), "label": _plain(label)})
            case _:
                raise DataError(
                    f"row {number} of `{argument}` is no dictionary, text or (text, label): {str(record)[:60]!r}",
                    "give every row the same form",
                )
        only_texts = False
    return Input(name=argument, rows=list(enumerate(rows, start=1)), is_text=only_texts)


def _records(source: Any) -> Iterable[Any] | None:
    """The rows of a frame, a data set or a list; None for anything else."""
    if hasattr(source, "iter_rows"):  # polars
        return source.iter_rows(named=True)
    if hasattr(source, "to_dict") and hasattr(source, "columns"):  # pandas
        return source.to_dict("records")
    if isinstance(source, Mapping):  # columns
        columns = {str(name): list(values) for name, values in source.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    is_rows = hasattr(source, "__iter__") and not isinstance(source, bytes | str)
    return source if is_rows else None


def _plain(value: Any) -> Any:
    """A Python value for one of NumPy, pandas or Arrow; None for a missing one."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str):
        return _clean(value)
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    return value


def _clean(text: str) -> str:
    """The text with U+FFFD in place of halves of characters, which no tokenizer reads."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
