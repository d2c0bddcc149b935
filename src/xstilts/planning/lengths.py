"""How long the examples of a task are, before anything of it was read.

The table beside this file is written by `tests/golden/measure_lengths.py`.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Sub-words of the sequences of a task's English examples, in the tokenizer that e5-small and XLM-R share.

    `sample` are lengths of sequences, special tokens included, each for as many examples; for questions on a context
    pairs of what every window repeats and what the windows divide.
    """

    sample: tuple[int | tuple[int, int], ...]
    sequences: int = 1
    """Of each example: its choices, or the two sides of a translation."""
    classes: int = 1
    """Of a classification task, each of which gets its shots."""
    images: int = 1
    """Of each example, in a task that shows any."""
    assumed: str = ""
    """As what, where nothing real was measured."""

    def mean(self, max_length: int) -> float:
        """Sub-words that an example takes."""
        return sum(n * count for n, count in self.runs(max_length)) / len(self.sample)

    def runs(self, max_length: int) -> Iterator[tuple[int, int]]:
        """Lengths of what an encoder of so many sub-words reads for the sample, and how often each is read."""
        for entry in self.sample:
            if isinstance(entry, tuple):
                yield from _windows(*entry, max_length)
            else:
                yield min(entry, max_length), self.sequences


def lengths(task: str) -> Lengths | None:
    """None for a task that is not in the table."""
    return _table().get(task)


def _windows(repeated: int, divided: int, max_length: int) -> Iterator[tuple[int, int]]:
    """Windows over a context that begin a part of it apart, as `xstilts.data.features` cuts them."""
    room = max(1, max_length - repeated)
    if divided <= room:
        yield repeated + divided, 1
        return
    step = max(1, room - max_length // 3)
    whole = math.ceil((divided - room) / step)
    yield max_length, whole
    yield repeated + divided - whole * step, 1


@cache
def _table() -> Mapping[str, Lengths]:
    entries: Mapping[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return {name: _lengths(entry) for name, entry in entries.items()}


def _lengths(entry: Mapping[str, Any]) -> Lengths:
    sample = tuple(tuple(n) if isinstance(n, list) else n for n in entry["sample"])
    known = {name: entry[name] for name in ("sequences", "classes", "images", "assumed") if name in entry}
    return Lengths(sample=sample, **known)
