"""Features of many examples, made once and read from disk: arrays that are mapped into memory, not Python objects."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from xstilts.problems import PROBLEMS, ProblemName
from xstilts.problems.features import Feature

Array = npt.NDArray[np.int32]
COLUMNS = "columns.json"
"""The size of each file."""


@dataclass(frozen=True, slots=True)
class _Ragged:
    """Rows of unequal length: `values` of all, and where each row ends."""

    values: Array
    ends: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def span(self, row: int) -> tuple[int, int]:
        return int(self.ends[row - 1]) if row else 0, int(self.ends[row])

    def row(self, number: int) -> list[Any]:
        start, end = self.span(number)
        return self.values[start:end].tolist()


class Tokenised(Sequence[Feature]):
    """The features in a folder that `write` filled, each made when it is asked for.

    Texts alone: what shows images is not kept so.
    """

    def __init__(self, folder: Path, problem: ProblemName) -> None:
        self.folder, self._problem = folder, PROBLEMS[problem]
        self._example = _read(folder, "example")
        self._ids = _Ragged(_read(folder, "ids"), _read(folder, "ids_ends"))
        self._choices = _Ragged(np.empty(0, np.int32), _read(folder, "choices_ends"))
        self._types, self._offsets = (_read_if_there(folder, name) for name in ("types", "offsets"))
        self._target, self._words = (_ragged_if_there(folder, name) for name in ("target", "words"))

    @overload
    def __getitem__(self, index: int) -> Feature: ...
    @overload
    def __getitem__(self, index: slice) -> list[Feature]: ...
    def __getitem__(self, index: int | slice) -> "Feature | list[Feature]":
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        row = range(len(self))[index]
        first, last = self._choices.span(row)
        start, end = self._ids.span(first)[0], self._ids.span(last - 1)[1]
        return Feature(
            example=int(self._example[row]),
            ids=tuple(self._ids.row(number) for number in range(first, last)),
            types=None if self._types is None else self._types_of(self._types, first, last),
            target=self._target_of(row),
            words=() if self._words is None else tuple(map(tuple, self._words.row(row))),
            offsets=() if self._offsets is None else tuple(_offset(pair) for pair in self._offsets[start:end].tolist()),
        )

    def __len__(self) -> int:
        return len(self._example)

    def __iter__(self) -> Iterator[Feature]:
        return (self[row] for row in range(len(self)))

    @cached_property
    def lengths(self) -> list[int]:
        """That of each feature."""
        sizes = np.diff(self._ids.ends, prepend=0)
        starts = np.concatenate([[0], self._choices.ends[:-1]])
        counts = np.diff(self._choices.ends, prepend=0)
        return (np.maximum.reduceat(sizes, starts) * counts).tolist()

    def tokens(self) -> set[int]:
        """Ids of all sub-words."""
        return set(np.unique(self._ids.values).tolist())

    def _types_of(self, types: Array, first: int, last: int) -> tuple[list[int], ...]:
        spans = [self._ids.span(number) for number in range(first, last)]
        return tuple(types[start:end].tolist() for start, end in spans)

    def _target_of(self, row: int) -> Any:
        values = None if self._target is None else self._target.row(row)
        return self._problem.stored_target(values) if values else None


def write(folder: Path, problem: ProblemName, parts: Iterable[tuple[int, Sequence[Feature]]]) -> None:
    """Leave features in an empty folder, for `Tokenised`: parts of them, each with the number of its first example."""
    columns: dict[str, list[npt.NDArray[Any]]] = {}
    for first, features in parts:
        for name, found in _arrays(problem, features).items():
            columns.setdefault(name, []).append(found + first if name == "example" else found)
    sizes: dict[str, int] = {}
    for name, pieces in columns.items():
        if len(joined := np.concatenate(pieces)):
            path = folder / f"{name}.npy"
            np.save(path, joined.cumsum() if name.endswith("_ends") else joined)
            sizes[path.name] = path.stat().st_size
    (folder / COLUMNS).write_text(json.dumps(sizes))


def whole(folder: Path) -> bool:
    """Whether a folder holds all that `write` left."""
    try:
        sizes: dict[str, int] = json.loads((folder / COLUMNS).read_text())
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def lengths(features: Sequence[Feature]) -> list[int]:
    return features.lengths if isinstance(features, Tokenised) else [feature.length for feature in features]


def token_ids(*groups: Sequence[Feature]) -> set[int]:
    """Ids of all sub-words that stand in some features."""
    found: set[int] = set()
    for features in groups:
        if isinstance(features, Tokenised):
            found |= features.tokens()
        else:
            found.update(token for feature in features for ids in feature.ids for token in ids)
    return found


def _arrays(problem: ProblemName, features: Sequence[Feature]) -> dict[str, npt.NDArray[Any]]:
    """The columns of some features; of what is ragged, the lengths of rows stand for their ends."""
    sequences = [ids for feature in features for ids in feature.ids]
    found = {"example": _numbers(feature.example for feature in features)}
    found |= {"ids": _numbers(chain.from_iterable(sequences)), "ids_ends": _sizes(sequences)}
    found |= {"choices_ends": _sizes([feature.ids for feature in features])}
    targets = [_row(feature.target) for feature in features]
    found |= {"target": _numbers(chain.from_iterable(targets)), "target_ends": _sizes(targets)}
    if features[0].types is not None:
        found["types"] = _numbers(token for feature in features for types in feature.types or () for token in types)
    if "words" in PROBLEMS[problem].position_columns:
        words = [feature.words for feature in features]
        found |= {"words": _pairs(chain.from_iterable(words)), "words_ends": _sizes(words)}
    if "offsets" in PROBLEMS[problem].position_columns:
        found["offsets"] = _pairs(pair or _NOWHERE for feature in features for pair in feature.offsets)
    return found


_NOWHERE = (-1, -1)


def _pairs(values: Iterable[tuple[int, int]]) -> Array:
    return np.array(list(values), dtype=np.int32).reshape(-1, 2)


def _row(target: Any) -> Sequence[int]:
    return () if target is None else target if isinstance(target, list | tuple) else (target,)


def _numbers(values: Iterable[int]) -> Array:
    return np.fromiter(values, dtype=np.int32)


def _sizes(rows: Sequence[Sequence[Any]]) -> npt.NDArray[np.int64]:
    return np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))


def _offset(pair: Sequence[int]) -> tuple[int, int] | None:
    return None if pair[0] < 0 else (pair[0], pair[1])


def _read(folder: Path, name: str) -> npt.NDArray[Any]:
    return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)


def _read_if_there(folder: Path, name: str) -> npt.NDArray[Any] | None:
    return _read(folder, name) if (folder / f"{name}.npy").is_file() else None


def _ragged_if_there(folder: Path, name: str) -> _Ragged | None:
    values = _read_if_there(folder, name)
    return None if values is None else _Ragged(values, _read(folder, f"{name}_ends"))
