"""The base class of stages: the data they read, their inputs and their key. No torch here.

A key is the sha256 of the stage's settings, the keys of its inputs, the fingerprints of its data and its code version.
Stages with equal keys are the same stage. Settings that are None are not hashed, so a new optional setting keeps
existing artifacts valid.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import ClassVar, Literal

from pydantic import BaseModel

Modality = Literal["text", "images"]
"""The only part of an example that the model reads, in a control that hides the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A task in one language, as a stage uses it."""

    task: str
    fingerprint: str
    language: str
    max_examples: int | None = None
    translated: str | None = None
    """Key of the stage that translated the training examples into `language`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The texts of a language. `fingerprint` identifies their content, so the path may change."""

    language: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """Masked-language modelling: `xstilts.config.recipe.Mlm` with pinned texts."""

    texts: tuple[Texts, ...]
    weight: int | None
    alpha: float
    masking: float
    held_out: int
    max_texts: int | None
    """Per language."""


Role = Literal["train", "select", "calibrate", "score", "labels", "translate"]
"""What data are used for: training weights; selecting weights or a layer; fitting a threshold or a mean vector;
scoring; listing a head's classes; translation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRead:
    """A split of a task that a stage reads. With `data.translated`, "train" means the translated examples."""

    data: Data
    split: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusRead:
    """Unlabelled texts that a stage reads."""

    texts: Texts
    role: Role


@dataclass(frozen=True, kw_only=True)
class Stage(ABC):
    """A node of the graph. `inputs` are keys of the artifacts that it reads; the first one provides the encoder."""

    kind: ClassVar[str]
    code_version: ClassVar[int] = 1

    @property
    def inputs(self) -> tuple[str, ...]:
        return ()

    @abstractmethod
    def reads(self) -> tuple[SplitRead | CorpusRead, ...]:
        """All data that the stage reads, apart from its `inputs`.

        The leak check, the list of missing files, the vocabulary of episodes and the cost estimates rely on it.
        Training data that is not listed here escapes the leak check.
        """

    @property
    def splits_read(self) -> tuple[SplitRead, ...]:
        """The splits of tasks among `reads()`."""
        return tuple(read for read in self.reads() if isinstance(read, SplitRead))

    @property
    def group(self) -> str:
        """Stages with equal groups run one after another in one worker and share models and activations."""
        return self.key

    @property
    def threads(self) -> int:
        return 1

    @cached_property
    def key(self) -> str:
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        hashed = {name: value for name, value in settings.items() if value is not None}
        return canonical_digest([self.kind, self.code_version, hashed])

    @property
    def title(self) -> str:
        return self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One score that a recipe asks for: its factors in the design, and the artifact that contains it."""

    artifact: str
    encoder: str
    task: str
    language: str
    split: str
    intermediate: str
    method: str
    """`zero-shot`, a few-shot method, or a control's name."""
    shots: int
    draw: int | None
    seed: int | None
    """None for the untrained encoder and the trivial baseline, which involve no randomness."""


def uncapped(data: Data) -> Data:
    return replace(data, max_examples=None)


def canonical_digest(value: object) -> str:
    """The sha256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, default=_plain, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Data | Texts | Masking):
        settings = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: setting for name, setting in settings.items() if setting is not None}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    raise TypeError(f"{type(value).__name__} in a stage spec cannot be hashed")
