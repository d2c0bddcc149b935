"""What a few-shot method is: its settings in a recipe, facts about it, and what it does with an episode.

Reading a recipe imports every method, so none of them imports torch at the top of its file: functions that compute
import it themselves.
"""

from abc import ABC
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from xstilts.problems import Problem

if TYPE_CHECKING:
    from torch import Tensor

Result = TypeVar("Learned", covariant=True)
Settings = TypeVar("Settings", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """Low-rank adapters (Hu et al. 2022, arXiv 2106.09685)."""

    rank: int
    alpha: int


class StatesClassifier(Protocol):
    """A classifier of an encoder's states. `fit` gives the tensors that `scores` needs; they are what is stored."""

    def summarise(self, batches: "Iterable[tuple[Tensor, Tensor]]", classes: int) -> "tuple[Tensor, ...]":
        """What `fit` needs of a set of states, from batches of vectors [rows, width] and class numbers [rows]."""
        ...

    def fit(
        self, shots: "tuple[Tensor, ...]", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        """The head's tensors, by name, from the summaries of the shots and of the English examples, if there are any.

        Raises StageError where no solution is found.
        """
        ...

    def scores(self, states: "Tensor", head: "Mapping[str, Tensor]") -> "Tensor":
        """One score for each class, [..., classes], from states [..., width]."""
        ...


class Episode(Protocol[Result]):
    """One adaptation to k examples of a language, as a method sees it."""

    def train(self) -> Result:
        """Train on the shots, as the facts of the method say."""
        ...

    def fit_head(self, classifier: StatesClassifier) -> Result:
        """Replace the head by a classifier of the states of English examples and shots. The encoder stays as it is."""
        ...


class FewshotMethod(BaseModel, ABC):
    """A few-shot method. Its fields are settings in a recipe, and part of a stage's key; the rest are facts about it.

    The field `method` has the method's name as its type and default. A method that says nothing else trains all that
    `train` does not freeze, for any problem that is trained.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    label: ClassVar[str]
    """Its name in tables of the report; empty for the method that goes without saying."""
    explanation: ClassVar[str] = ""
    """A sentence for the methods section of the report."""
    scope: ClassVar[str] = "tasks that are trained"
    """The problems that it is for, in words that go on from "is for"."""
    freezes_encoder: ClassVar[bool] = False
    """Whether all layers of the encoder stay as they are."""
    takes_steps: ClassVar[bool] = True
    """Whether it takes optimiser steps, one of which may be selected."""
    batches_episodes: ClassVar[bool] = False
    """Whether the k and draws of a language may be trained side by side: the encoder's own weights must stay."""
    mixes_english: ClassVar[bool] = False
    """Whether every step on shots is followed by one on English examples."""
    fits_english: ClassVar[bool] = False
    """Whether it fits a head to the English examples too, where the encoder was trained on them."""
    checkpoint: ClassVar[Literal["last", "average"]] = "last"
    """The weights that are kept where no step is selected: the last, or the mean of ten checkpoints."""

    @property
    def name(self) -> str:
        return type(self).model_fields["method"].default

    def __str__(self) -> str:
        return self.name

    @model_serializer(mode="wrap")
    def _with_name(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without its name, settings that leave the defaults out could not be read again."""
        return {"method": self.name, **handler(self)}

    @property
    def adapters(self) -> Adapters | None:
        """The adapters that train instead of the encoder's own weights."""
        return None

    def applies_to(self, problem: Problem[Any]) -> bool:
        return problem.trained

    def train_settings(self, train: Settings) -> Settings:
        """The settings of training, with what the method sets instead."""
        return train

    def run(self, episode: Episode[Result]) -> Result:
        """What is learned from the episode."""
        return episode.train()
