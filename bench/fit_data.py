"""Datasets and vectors for `bench/fit.py`: rows of the shipped tasks, as `xstilts fit` reads them from files."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch

from accuracy_data import DataSet, States, examples, states
from xstilts.fitting.dataset import EMPTY, ENGLISH, Dataset, Part
from xstilts.fitting.encode import Encoded
from xstilts.fitting.languages import Language
from xstilts.fitting.search import Space
from xstilts.fitting.states import Cut
from xstilts.methods.leave_one_out import Rows

HELD_OUT = (
    DataSet(
        task="sib200", languages=("amh_Ethi", "arb_Arab", "ben_Beng", "eus_Latn", "hau_Latn", "tam_Taml", "zul_Latn")
    ),
    DataSet(task="nusax", languages=("id", "jv", "min", "bjn")),
    DataSet(task="afrisenti", languages=("am", "pcm", "pt-MZ", "sw")),
    DataSet(task="intent", languages=("ar", "eu", "fi", "hu", "ml", "ne", "ru", "th", "zh-CN")),
)
DEVELOPMENT = (
    DataSet(task="sib200", languages=("swh_Latn", "yor_Latn")),
    DataSet(task="nusax", languages=("su",)),
    DataSet(task="afrisenti", languages=("ha",)),
    DataSet(task="intent", languages=("nl", "uk", "he")),
)
"""Languages on which settings were chosen."""


class Source(NamedTuple):
    """The states of English rows, of the rows that are drawn from and of the scored rows of a language."""

    labels: tuple[str, ...]
    english: States
    pool: States
    test: States


def read(data: DataSet, language: str) -> Source:
    english = examples(data, "en", "train")
    pool, test = examples(data, language, "train"), examples(data, language, "test")
    labels = tuple(sorted({label for example in (*english, *pool, *test) for label in example.classes}))
    return Source(labels, *(states(data, rows, labels) for rows in (english, pool, test)))


def by_class(pool: States, k: int, generator: torch.Generator) -> tuple[list[int], list[int]]:
    """Numbers of k rows of each class that has at least 2k, and as many other ones of the same classes."""
    shots, held_out = [], []
    for label in sorted(set(pool.labels.tolist())):
        rows = (pool.labels == label).nonzero().flatten()
        if len(rows) >= 2 * k:
            order = rows[torch.randperm(len(rows), generator=generator)].tolist()
            shots += order[:k]
            held_out += order[k : 2 * k]
    return sorted(shots), sorted(held_out)


def dataset(source: Source, language: str, shots: States) -> Dataset:
    return Dataset(
        problem="classification",
        columns={"text": "text", "label": "label"},
        language=Language(code=language, name=language, script=""),
        source_language=ENGLISH,
        english=_part(source.english),
        shots=_part(shots),
        test=EMPTY,
        unlabelled=(),
        labels=source.labels,
        left_out=(),
        warnings=(),
        guessed=(),
    )


def space(source: Source, shots: States) -> Space:
    """The vectors of the untouched encoder."""
    encoded = Encoded(
        english=_rows(source.english),
        english_used=range(len(source.english.labels)),
        shots=_rows(shots),
        test=None,
        unlabelled=None,
        cut=Cut(),
    )
    return Space(name="frozen encoder", description="", states=cast(Any, None), encoded=encoded, seconds=0.0)


def _rows(part: States) -> Rows:
    return Rows(part.vectors, part.labels, part.groups)


def _part(part: States) -> Part:
    return Part(examples=part.examples, places=tuple(example.id for example in part.examples))


def without_groups_of(rows: Sequence[int], pool: States, others: Sequence[int]) -> list[int]:
    """Those of `rows` that share no group with `others`."""
    groups = {pool.groups[other] for other in others}
    return [row for row in rows if pool.groups[row] not in groups]
