"""The data of `bench/accuracy.py`: examples of every set and language, and the states of the untouched encoder."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.cache.wheels import cache_dir, data_root
from xstilts.data.benchmark_files import bind
from xstilts.data.features import featurise
from xstilts.data.load import load
from xstilts.data.shots import draw
from xstilts.encoders.fetch import prepare
from xstilts.models.frozen_states import numbered_states
from xstilts.models.heads import load_backbone, load_tokenizer
from xstilts.models.inputs import ModelInputs
from xstilts.problems import Example
from xstilts.tasks import load_task
from xstilts.tasks.task import Task

POOL, SCORED = 2000, 1000
"""At most so many examples of a language are drawn from or scored, evenly spaced."""
MAX_LENGTH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A task, its scored languages, and how many English examples are used at most.

    Swahili and Yoruba of SIB-200, Dutch, Ukrainian and Hebrew of `intent`, Sundanese of NusaX and Hausa of AfriSenti
    are not scored: settings were chosen on them.
    """

    task: str
    languages: tuple[str, ...]
    english: int = 10_000
    halves: bool = False
    """Whether the dev split is halved by groups into training and scored examples, where no other split is at hand."""


DATA_SETS = (
    DataSet(task="intent", languages=("ar", "eu", "fi", "hu", "ml", "ne", "ru", "th", "zh-CN")),
    DataSet(
        task="sib200",
        languages=(
            "amh_Ethi", "arb_Arab", "asm_Beng", "ben_Beng", "bod_Tibt", "ckb_Arab", "ell_Grek", "eus_Latn", "guj_Gujr",
            "hau_Latn", "heb_Hebr", "hin_Deva", "hye_Armn", "jpn_Jpan", "kat_Geor", "khm_Khmr", "kir_Cyrl", "kor_Hang",
            "lao_Laoo", "mal_Mlym", "mya_Mymr", "ory_Orya", "pan_Guru", "quy_Latn", "rus_Cyrl", "sin_Sinh", "tam_Taml",
            "tel_Telu", "tha_Thai", "zul_Latn",
        ),
    ),
    DataSet(task="nusax", languages=("id", "jv", "min", "bjn")),
    DataSet(task="afrisenti", languages=("am", "pcm", "pt-MZ", "sw")),
    DataSet(task="xnli", languages=("ar", "de", "hi", "sw", "tr", "zh"), halves=True),
    DataSet(task="masakhapos", languages=("ha", "pcm", "sw", "wo", "yo", "zu"), english=500),
    DataSet(task="slots", languages=("ar", "eu", "fi", "hu", "ml", "ne", "ru", "th", "zh-CN"), english=500),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Examples and their labelled states: one row per text, or per word for tagging."""

    examples: tuple[Example, ...]
    vectors: torch.Tensor
    labels: torch.Tensor
    numbers: torch.Tensor
    """The example of each row."""

    def of(self, chosen: Sequence[int]) -> "States":
        """The states of some examples, in their order."""
        position = {number: index for index, number in enumerate(chosen)}
        rows = [row for row, number in enumerate(self.numbers.tolist()) if number in position]
        numbers = torch.tensor([position[number] for number in self.numbers[rows].tolist()])
        examples = tuple(self.examples[number] for number in chosen)
        return States(examples=examples, vectors=self.vectors[rows], labels=self.labels[rows], numbers=numbers)

    @property
    def groups(self) -> list[str]:
        return [self.examples[number].group for number in self.numbers.tolist()]


@cache
def bound(name: str) -> Task:
    return bind(load_task(name), root=data_root(), cache=cache_dir(), offline=True)


def examples(data: DataSet, language: str, split: str) -> list[Example]:
    """The examples of "train" or "test"."""
    if not data.halves:
        found = list(load(bound(data.task), language, split, cache=cache_dir(), offline=False))
    else:
        dev = load(bound(data.task), language, "dev", cache=cache_dir(), offline=False)
        found = [example for example in dev if (_is_odd(example.group)) == (split == "test")]
    limit = SCORED if split == "test" else data.english if language == "en" else POOL
    return [found[n * len(found) // limit] for n in range(limit)] if len(found) > limit else found


def _is_odd(group: str) -> bool:
    return bool(hashlib.sha256(group.encode()).digest()[0] % 2)


def shots(pool: States, scored: Sequence[Example], k: int, number: int) -> States:
    """The states of `drawn` shots."""
    rows = {example.id: row for row, example in enumerate(pool.examples)}
    return pool.of([rows[shot.id] for shot in drawn(pool.examples, scored, k, number)])


def drawn(pool: Sequence[Example], scored: Sequence[Example], k: int, number: int) -> tuple[Example, ...]:
    """k examples of each class, or k sentences; never of the group of a scored example."""
    groups = {example.group for example in scored}
    return draw([example for example in pool if example.group not in groups], k, number, None)


def states(data: DataSet, examples: Sequence[Example], labels: Sequence[str]) -> States:
    """The states of the last layer of the untouched encoder: the mean over a text, or the first sub-word of a word.

    Stored below the cache, by everything that they depend on.
    """
    digest = hashlib.sha256(repr((data.task, MAX_LENGTH, labels, examples)).encode()).hexdigest()[:24]
    path = cache_dir() / "bench-states" / f"{data.task}-{digest}.npz"
    if not path.exists():
        new = encode(data, examples, labels, "fp32")
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, vectors=new.vectors.numpy(), labels=new.labels.numpy(), numbers=new.numbers.numpy())
    stored = np.load(path)
    vectors, targets, numbers = (torch.from_numpy(stored[name]) for name in ("vectors", "labels", "numbers"))
    return States(examples=tuple(examples), vectors=vectors, labels=targets, numbers=numbers)


def encode(
    data: DataSet, examples: Sequence[Example], labels: Sequence[str], precision: Literal["fp32", "bf16"]
) -> States:
    """The states, computed anew; rows are in the order of the examples."""
    model, tokenizer = encoder()
    problem = bound(data.task).problem
    features = featurise(problem, examples, tokenizer, labels, MAX_LENGTH)
    pad_id = int(tokenizer.pad_token_id)  # type: ignore[arg-type]
    inputs = ModelInputs(problem=problem, features=features, pad_id=pad_id, precision=precision)
    vectors, targets, parts = zip(*numbered_states(model, inputs, "mean"), strict=True)
    numbers = torch.cat([torch.as_tensor(part) for part in parts])
    order = numbers.argsort(stable=True)
    return States(
        examples=tuple(examples),
        vectors=torch.cat(vectors)[order],
        labels=torch.cat(targets)[order],
        numbers=numbers[order],
    )


@cache
def encoder() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The untouched encoder and its tokenizer."""
    folder: Path = prepare("e5-small", cache=cache_dir(), offline=False)
    return load_backbone(folder), load_tokenizer(folder)
