"""What all stages have in common: the data that they use, their inputs by key, and their own key. No torch here.

A key is the sha256 of the stage's settings, the keys of its inputs, the fingerprints of its data and the epoch of
the code that runs it. Two stages with one key are one stage. A setting that is None is left out, so that an option
which is added later leaves the artifacts of those valid who do not use it.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar, Literal

from pydantic import BaseModel


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
    """The texts of a language; `fingerprint` says which, whatever the path that they lie at."""

    language: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """Masked-language modelling in a stage: `xstilts.config.recipe.Mlm` with its texts pinned."""

    texts: tuple[Texts, ...]
    weight: int | None
    alpha: float
    masking: float
    held_out: int
    max_texts: int | None
    """Of each language, at most."""


Role = Literal["train", "select", "calibrate", "score", "labels", "translate"]
"""What a stage uses data for: to fit weights, to select weights or a layer, to fit a threshold or mean vector without
training, to be scored, to list a head's classes, or to be translated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRead:
    """A split of a task that a stage reads. With `data.translated`, the "train" split is that artifact's examples."""

    data: Data
    split: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusRead:
    """Texts without labels that a stage reads."""

    texts: Texts
    role: Role


@dataclass(frozen=True, kw_only=True)
class Stage(ABC):
    """A node of the graph. `inputs` are keys of the artifacts that it reads; the first gives the encoder."""

    kind: ClassVar[str]
    code_version: ClassVar[int] = 1

    @property
    def inputs(self) -> tuple[str, ...]:
        return ()

    @abstractmethod
    def reads(self) -> tuple[SplitRead | CorpusRead, ...]:
        """All data that the stage reads beside its `inputs`.

        The leak check, missing data, the vocabulary of episodes and the cost estimates rely on it: data that a stage
        trains on and does not list here would be scored without a warning.
        """

    @property
    def splits_read(self) -> tuple[SplitRead, ...]:
        """Those of `reads` that are splits of tasks."""
        return tuple(read for read in self.reads() if isinstance(read, SplitRead))

    @property
    def group(self) -> str:
        """Stages of one group run in one worker, one after another, and share what they encode."""
        return self.key

    @property
    def threads(self) -> int:
        return 1

    @cached_property
    def key(self) -> str:
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        given = {name: value for name, value in settings.items() if value is not None}
        return canonical_digest([self.kind, self.code_version, given])

    @property
    def title(self) -> str:
        return self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One score that a recipe asks for: where it stands in the design, and the artifact that holds it."""

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
    """None where nothing random happened: the untrained encoder."""


def canonical_digest(value: object) -> str:
    """The sha256 of a value's canonical form."""
    text = json.dumps(value, sort_keys=True, default=_plain, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Data | Texts | Masking):
        settings = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: setting for name, setting in settings.items() if setting is not None}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    raise TypeError(f"a stage holds {type(value).__name__}, which has no canonical form")
