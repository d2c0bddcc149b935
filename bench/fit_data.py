"""Datasets and vectors for `bench/fit.py`: rows of the shipped tasks, as `xstilts fit` reads them from files."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch

from accuracy_data import DataSet, States, encoder, examples, states
from xstilts.fitting.dataset import EMPTY, ENGLISH, Dataset, Part
from xstilts.fitting.encode import Encoded
from xstilts.fitting.facts import Windows
from xstilts.fitting.languages import Language
from xstilts.fitting.search import Space
from xstilts.fitting.states import Cut, StateEncoder
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


def two_draws(pool: States, k: int, generator: torch.Generator) -> tuple[list[int], list[int]]:
    """Numbers of k rows of each class, and of k other rows of each of these classes from other groups. Only of classes
    that have so many, both times from at least two groups: a single group cannot be left out."""
    first, second = [], []
    for label in sorted(set(pool.labels.tolist())):
        rows = (pool.labels == label).nonzero().flatten()
        order = rows[torch.randperm(len(rows), generator=generator)].tolist()
        halves = _halves(order, pool.groups)
        drawn = [half[:k] for half in halves]
        if all(len(half) == k and len({pool.groups[row] for row in half}) > 1 for half in drawn):
            first += drawn[0]
            second += drawn[1]
    return sorted(first), sorted(second)


def _halves(rows: Sequence[int], groups: Sequence[str]) -> tuple[list[int], list[int]]:
    """Rows in two parts of about the same size that share no group."""
    halves: tuple[list[int], list[int]] = [], []
    side: dict[str, int] = {}
    for row in rows:
        number = side.setdefault(groups[row], int(len(halves[1]) < len(halves[0])))
        halves[number].append(row)
    return halves


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
        shots=_rows(shots)._replace(subwords=subwords(shots)),
        test=None,
        unlabelled=None,
        cut=Cut(),
    )
    return Space(name="frozen encoder", description="", states=cast(Any, None), encoded=encoded, seconds=0.0)


def subwords(part: States) -> list[list[str]]:
    model, tokenizer = encoder()
    states = StateEncoder(encoder=model, tokenizer=tokenizer, pooling="mean", windows=Windows(), precision="fp32")
    return states.subwords([(example.texts[0], None) for example in part.examples])


def _rows(part: States) -> Rows:
    return Rows(part.vectors, part.labels, part.groups)


def _part(part: States) -> Part:
    return Part(examples=part.examples, places=tuple(example.id for example in part.examples))


def without_groups(part: States, others: States) -> States:
    """The rows that share no group with `others`, as translations of these do."""
    groups = set(others.groups)
    return part.of([number for number, example in enumerate(part.examples) if example.group not in groups])
