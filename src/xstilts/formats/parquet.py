"""Rows of Parquet files, with the names of classes that the library `datasets` stores beside class numbers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.errors import DataError
from xstilts.formats.content import GZIP, Row, read_bytes
from xstilts.formats.parquet_trial import try_parquet, try_parquet_content

if TYPE_CHECKING:
    import polars as pl

SLICE = 10_000
"""Rows that `parquet_slices` reads at once."""

_HINT = "write the file again"


def parquet_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows of a Parquet file with their numbers from 1. NaN becomes None, class numbers become class names.

    Raises DataError for a damaged file and for a class number without a name.
    """
    frame, metadata = _read(path)
    yield from _rows(path, frame, metadata, 1)


def parquet_slices(path: Path) -> Iterator[tuple[int, Row]]:
    """As `parquet_rows`, with at most SLICE rows in memory."""
    import polars as pl

    try_parquet(path)
    try:
        metadata, lazy = pl.read_parquet_metadata(path), pl.scan_parquet(path)
        count = lazy.select(pl.len()).collect().item()
        for start in range(0, count, SLICE):
            yield from _rows(path, lazy.slice(start, SLICE).collect(), metadata, start + 1)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise DataError(f"{path}: not a Parquet file: {error}", _HINT) from None


def _rows(path: Path, frame: "pl.DataFrame", metadata: Mapping[str, str], first: int) -> Iterator[tuple[int, Row]]:
    names = {column: classes for column, classes in _class_names(metadata).items() if column in frame.columns}
    for number, row in enumerate(frame.iter_rows(named=True), start=first):
        row = {column: None if isinstance(value, float) and isnan(value) else value for column, value in row.items()}
        try:
            named = {column: _class_name(row[column], classes) for column, classes in names.items()}
        except IndexError:
            raise DataError(f"{path}:{number}: a class number without a name in the metadata", _HINT) from None
        yield number, row | named


def stored_parquet_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows of a Parquet file as they are stored, with class numbers. Raises DataError for a damaged file."""
    yield from enumerate(_read(path)[0].iter_rows(named=True), start=1)


def _read(path: Path) -> "tuple[pl.DataFrame, Mapping[str, str]]":
    """The table of a Parquet file and its metadata."""
    import polars as pl

    if path.suffix.lower() == GZIP:
        content = read_bytes(path)
        try_parquet_content(path, content)
        source = BytesIO(content)
    else:
        try_parquet(path)
        source = path
    try:
        return pl.read_parquet(source), pl.read_parquet_metadata(source)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, MemoryError) as error:
        raise DataError(f"{path}: not a Parquet file: {error}", _HINT) from None


def _class_names(metadata: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """The class names of each column that has some, from the features of `datasets`."""
    try:
        features = json.loads(metadata.get("huggingface", "{}"))["info"]["features"]
        columns = {column: _names_of(feature) for column, feature in features.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
    return {column: names for column, names in columns.items() if names}


def _names_of(feature: Any) -> Sequence[str]:
    """The names of a ClassLabel or of a list of them: [feature], {"feature": feature} or {"names": names}."""
    while isinstance(feature, list) and len(feature) == 1:
        feature = feature[0]
    if not isinstance(feature, dict):
        return ()
    names = feature.get("names")
    if feature.get("_type") == "ClassLabel" and isinstance(names, list):
        return [str(name) for name in names]
    return _names_of(feature["feature"]) if isinstance(feature.get("feature"), list | dict) else ()


def _class_name(value: Any, names: Sequence[str]) -> Any:
    """The name of a class number, or those of a list of them. -1 is None, as `datasets` writes withheld labels."""
    if isinstance(value, list):
        return [_class_name(one, names) for one in value]
    if not isinstance(value, int) or isinstance(value, bool) or value == -1:
        return None if value == -1 else value
    if value < 0:
        raise IndexError
    return names[value]
