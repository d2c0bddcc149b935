"""The data of `bench/label.py`: rows of every set and language with their vectors, and episodes drawn from them."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

import torch
from transformers import PreTrainedModel

from xstilts.cache.wheels import cache_dir, data_root
from xstilts.data.benchmark_files import bind
from xstilts.data.load import load
from xstilts.encoders import find_card
from xstilts.encoders.fetch import prepare
from xstilts.encoders.pins import pin
from xstilts.fitting.facts import Windows
from xstilts.fitting.states import StateEncoder
from xstilts.methods.leave_one_out import Rows
from xstilts.models.heads import load_text_encoder, load_tokenizer
from xstilts.platform.hardware import matrix_precision
from xstilts.problems import Example
from xstilts.tasks import load_task
from xstilts.tasks.task import Task

ENCODER = "e5-small"
POOL, SCORED = 500, 300
"""At most so many examples of a language are drawn from or scored, evenly spaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A task, the languages on which the method is chosen, and those on which it is reported."""

    task: str
    name: str
    development: tuple[str, ...]
    reported: tuple[str, ...]
    parallel: bool = False
    """Whether the languages have the same texts, so that English rows and the pool must be different ones."""


DATA_SETS = (
    DataSet(
        task="sib200",
        name="SIB-200",
        development=("swh_Latn", "yor_Latn"),
        reported=("amh_Ethi", "hau_Latn", "tam_Taml"),
        parallel=True,
    ),
    DataSet(task="nusax", name="NusaX", development=("su",), reported=("jv", "min", "id"), parallel=True),
    DataSet(task="afrisenti", name="AfriSenti", development=("ha",), reported=("sw", "pcm", "am")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """English rows, the pool that is drawn from, and the test rows."""

    data: DataSet
    code: str
    labels: tuple[str, ...]
    english: Rows
    pool: Rows
    test: Rows

    @property
    def is_development(self) -> bool:
        return self.code in self.data.development


@cache
def language(task: str, code: str) -> Language:
    data = next(data for data in DATA_SETS if data.task == task)
    english = _examples(task, "en", ("train", "dev"))
    test = _spaced(_examples(task, code, ("test",)), SCORED)
    groups = {example.group for example in test}
    own = [example for example in _examples(task, code, ("train", "dev")) if example.group not in groups]
    own = _spaced(list({example.texts: example for example in own}.values()), POOL)
    if data.parallel:
        english = [example for example in english if _is_odd(example.group) and example.group not in groups]
        own = [example for example in own if not _is_odd(example.group)]
    labels = tuple(sorted({example.classes[0] for example in english}))
    return Language(
        data=data,
        code=code,
        labels=labels,
        english=_rows(english, labels),
        pool=_rows(own, labels),
        test=_rows(test, labels),
    )


def languages(*, development: bool | None = None, task: str | None = None) -> Iterator[Language]:
    """All languages, or those on which the method is chosen or not, and those of one task."""
    for data in DATA_SETS:
        for code in (*data.development, *data.reported):
            if development in (None, code in data.development) and task in (None, data.task):
                yield language(data.task, code)


@cache
def encoder() -> StateEncoder:
    folder: Path = prepare(ENCODER, cache=cache_dir(), offline=True)
    return StateEncoder(
        encoder=cast(PreTrainedModel, load_text_encoder(folder).eval()),
        tokenizer=load_tokenizer(folder),
        pooling=find_card(ENCODER).pooling,
        windows=Windows(),
        precision=matrix_precision("cpu"),
        name=pin(ENCODER, None, cache=cache_dir(), offline=True),
        cache=cache_dir() / "vectors",
    )


@cache
def _bound(task: str) -> Task:
    return bind(load_task(task), root=data_root(), cache=cache_dir(), offline=True)


def _examples(task: str, code: str, splits: Sequence[str]) -> list[Example]:
    return [example for split in splits for example in load(_bound(task), code, split, cache=cache_dir(), offline=True)]


def _spaced(examples: Sequence[Example], limit: int) -> list[Example]:
    count = len(examples)
    return [examples[n * count // limit] for n in range(limit)] if count > limit else list(examples)


def _rows(examples: Sequence[Example], labels: Sequence[str]) -> Rows:
    vectors, _ = encoder().vectors([(example.texts[0].strip(), None) for example in examples])
    classes = torch.tensor([labels.index(example.classes[0]) for example in examples])
    return Rows(vectors, classes, [example.group for example in examples])


def _is_odd(group: str) -> bool:
    return bool(hashlib.sha256(group.encode()).digest()[0] % 2)
