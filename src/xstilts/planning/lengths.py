"""Lengths of the examples of a task, from a table, so that estimates need no data.

`tests/golden/measure_lengths.py` writes the table, `lengths.json`.
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

    `sample` contains one entry per example: the length of a sequence, including special tokens; or, for questions
    about a context, the part that every window repeats and the part that is divided into windows.
    """

    sample: tuple[int | tuple[int, int], ...]
    sequences: int = 1
    """Per example: its choices, or the two sides of a translation."""
    classes: int = 1
    """Of a classification task. Shots are counted per class."""
    images: int = 1
    """Per example, in a task with images."""
    assumed: str = ""
    """What the lengths are assumed to be, if they were not measured."""

    def mean(self, max_length: int) -> float:
        """Mean sub-words per example."""
        return sum(n * count for n, count in self.runs(max_length)) / len(self.sample)

    def runs(self, max_length: int) -> Iterator[tuple[int, int]]:
        """Lengths of the sequences that an encoder reads for the sample, each with its number."""
        for entry in self.sample:
            if isinstance(entry, tuple):
                yield from _windows(*entry, max_length)
            else:
                yield min(entry, max_length), self.sequences


def lengths(task: str) -> Lengths | None:
    """None for a task that is not in the table."""
    return _table().get(task)


def _windows(repeated: int, divided: int, max_length: int) -> Iterator[tuple[int, int]]:
    """Overlapping windows over a context, as `xstilts.data.features` cuts them: their lengths and numbers."""
    room = max(1, max_length - repeated)
    if divided <= room:
        yield repeated + divided, 1
        return
    step = max(1, room - max_length // 3)
    full = math.ceil((divided - room) / step)
    yield max_length, full
    yield repeated + divided - full * step, 1


@cache
def _table() -> Mapping[str, Lengths]:
    entries: Mapping[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return {name: _parse(entry) for name, entry in entries.items()}


def _parse(entry: Mapping[str, Any]) -> Lengths:
    sample = tuple(tuple(n) if isinstance(n, list) else n for n in entry["sample"])
    optional = {name: entry[name] for name in ("sequences", "classes", "images", "assumed") if name in entry}
    return Lengths(sample=sample, **optional)
