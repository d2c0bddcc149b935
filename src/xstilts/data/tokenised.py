"""Features of many examples in one Arrow file: columns in memory instead of Python objects."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import polars as pl

from xstilts.problems import PROBLEMS, ProblemName
from xstilts.problems.features import Feature

_NUMBERS = pl.List(pl.Int32)
_PAIRS = pl.List(pl.Array(pl.Int32, 2))
_SCHEMA = {
    "example": pl.Int32,
    "ids": pl.List(_NUMBERS),
    "types": pl.List(_NUMBERS),
    "target": _NUMBERS,
    "words": _PAIRS,
    "offsets": _PAIRS,
}
"""One row for each feature. `types` and `target` are null where a feature has none; images are not stored."""


class TokenisedFeatures(Sequence[Feature]):
    """The features in a file of `write_features`, each built when it is read.

    Raises OSError or polars' PolarsError if the file cannot be read.
    """

    def __init__(self, path: Path, problem: ProblemName) -> None:
        self._rows = pl.read_ipc(path)
        self._problem = PROBLEMS[problem]

    def __len__(self) -> int:
        return self._rows.height

    @overload
    def __getitem__(self, index: int) -> Feature: ...
    @overload
    def __getitem__(self, index: slice) -> list[Feature]: ...
    def __getitem__(self, index: int | slice) -> "Feature | list[Feature]":
        if isinstance(index, slice):
            return [self._feature(row) for row in self._rows[index].iter_rows()]
        return self._feature(self._rows.row(range(len(self))[index]))

    def __iter__(self) -> Iterator[Feature]:
        return map(self._feature, self._rows.iter_rows())

    def lengths(self) -> list[int]:
        """Sub-words of each feature, padding between its choices included."""
        sequences = pl.col("ids").list
        longest = sequences.eval(pl.element().list.len().max()).list.first()
        return self._rows.select(longest * sequences.len()).to_series().to_list()

    def token_ids(self) -> set[int]:
        """The ids of all sub-words."""
        return set(self._rows["ids"].explode().explode().unique())

    def _feature(self, row: tuple[Any, ...]) -> Feature:
        example, ids, types, target, words, offsets = row
        return Feature(
            example=example,
            ids=tuple(ids),
            types=None if types is None else tuple(types),
            target=None if target is None else self._problem.stored_target(target),
            words=tuple(map(tuple, words)),
            offsets=tuple(pair and tuple(pair) for pair in offsets),
        )


def write_features(path: Path, chunks: Iterable[tuple[int, Sequence[Feature]]]) -> None:
    """Write features for `TokenisedFeatures`. Each chunk comes with the number of its first example."""
    pl.concat([_frame(first, features) for first, features in chunks]).write_ipc(path, compression="uncompressed")


def feature_lengths(features: Sequence[Feature]) -> list[int]:
    """Sub-words of each feature."""
    if isinstance(features, TokenisedFeatures):
        return features.lengths()
    return [feature.length for feature in features]


def token_ids(*groups: Sequence[Feature]) -> set[int]:
    """The ids of all sub-words in all groups."""
    ids: set[int] = set()
    for features in groups:
        if isinstance(features, TokenisedFeatures):
            ids |= features.token_ids()
        else:
            ids.update(token for feature in features for sequence in feature.ids for token in sequence)
    return ids


def _frame(first: int, features: Sequence[Feature]) -> pl.DataFrame:
    columns = {name: [getattr(feature, name) for feature in features] for name in _SCHEMA}
    columns["example"] = [first + number for number in columns["example"]]
    columns["target"] = [[target] if isinstance(target, int) else target for target in columns["target"]]
    return pl.DataFrame(columns, schema=_SCHEMA)
