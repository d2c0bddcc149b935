"""Encodes the rows of a dataset, rows of the language first, English rows as far as the time allows."""

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xstilts.fitting.dataset import Dataset, Part
from xstilts.fitting.states import Cut, StateEncoder, Text
from xstilts.methods.leave_one_out import Rows
from xstilts.problems import Example

CHUNK = 256
"""English rows between two looks at the clock."""
FEWEST = 512
"""English rows that are encoded whatever the time."""
MOST_UNLABELLED = 2000

Report = Callable[[str, int, int], None]
"""Called with what is done, how many texts or steps are done and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Vectors of all rows; `english_used` are the numbers of the English rows that were encoded."""

    english: Rows | None
    english_used: Sequence[int]
    shots: Rows | None
    test: Tensor | None
    unlabelled: Tensor | None
    cut: Cut


def encode_dataset(
    dataset: Dataset, states: StateEncoder, *, deadline: float, report: Report, rows: Sequence[int] | None = None
) -> Encoded:
    """The vectors of a dataset. English rows are encoded in an order that keeps the classes in their shares, until
    `deadline` (of `time.monotonic`); or those of `rows`, if given."""
    cut = Cut()

    def vectors(examples: Sequence[Example], name: str) -> Tensor | None:
        nonlocal cut
        if not examples:
            return None
        result, part_cut = states.vectors(
            [text_of(example) for example in examples], lambda d, t: report(f"encoding {name}", d, t)
        )
        cut = cut.plus(part_cut)
        return result

    shots = vectors(dataset.shots.examples, dataset.language.name)
    subwords = states.subwords([text_of(example) for example in dataset.shots.examples])
    test = vectors(dataset.test.examples, "test")
    used = list(rows) if rows is not None else []
    order = _mixed_order(dataset.english) if rows is None else []
    parts = [] if rows is None else [vectors([dataset.english.examples[row] for row in used], "English")]
    for start in range(0, len(order), CHUNK):
        if start >= FEWEST and time.monotonic() > deadline:
            break
        chunk = order[start : start + CHUNK]
        parts.append(vectors([dataset.english.examples[row] for row in chunk], "English"))
        report("encoding English", start + len(chunk), len(order))
        used += chunk
    step = max(1, -(-len(dataset.unlabelled) // MOST_UNLABELLED))
    unlabelled = vectors(dataset.unlabelled[::step], "unlabelled texts")
    english = torch.cat([part for part in parts if part is not None]) if used else None
    return Encoded(
        english=None if english is None else _rows(dataset, dataset.english.subset(used), english),
        english_used=used,
        shots=None if shots is None else _rows(dataset, dataset.shots, shots)._replace(subwords=subwords),
        test=test,
        unlabelled=unlabelled,
        cut=cut,
    )


def class_ids(dataset: Dataset, examples: Sequence[Example]) -> Tensor:
    """Class ids [rows], or 1 or 0 for each label [rows, labels]."""
    number = {label: position for position, label in enumerate(dataset.labels)}
    if dataset.problem == "multi-label":
        return torch.tensor([[int(label in example.classes) for label in dataset.labels] for example in examples])
    return torch.tensor([number[example.classes[0]] for example in examples], dtype=torch.long)


def _rows(dataset: Dataset, part: Part, vectors: Tensor) -> Rows:
    return Rows(vectors, class_ids(dataset, part.examples), [example.group for example in part.examples])


def text_of(example: Any) -> Text:
    return example.text, example.pair


def _mixed_order(part: Part) -> list[int]:
    """Row numbers such that every beginning has the classes in about their shares, whatever the order of the file."""
    by_class: dict[Any, list[int]] = defaultdict(list)
    for row in sorted(range(len(part)), key=lambda row: _hash(part.examples[row])):
        by_class[part.examples[row].target].append(row)
    spread = sorted(
        ((position + 0.5) / len(rows), row) for rows in by_class.values() for position, row in enumerate(rows)
    )
    return [row for _, row in spread]


def _hash(example: Example) -> str:
    return hashlib.sha256("\0".join(example.texts).encode("utf-8", "surrogatepass")).hexdigest()
