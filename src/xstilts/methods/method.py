"""The base class of few-shot methods: settings in a recipe, properties, and how a method adapts to an episode.

Reading a recipe imports every method, so torch is imported inside functions only.
"""

from abc import ABC
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from xstilts.problems import Problem

if TYPE_CHECKING:
    from torch import Tensor

Result = TypeVar("Result", covariant=True)
Settings = TypeVar("Settings", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """Low-rank adapters (Hu et al. 2022, arXiv 2106.09685)."""

    rank: int
    alpha: int


class StatesClassifier(Protocol):
    """A classifier of an encoder's states. `fit` returns the tensors that `scores` needs; they are stored.

    States come with labels as `xstilts.models.frozen_states.labelled_states` yields them: class ids [rows], for
    multi-label problems 1 or 0 [rows, labels], for choices the question's number and 1 or 0 [rows, 2].
    """

    linear: ClassVar[bool]

    def summarise(self, batches: "Iterable[tuple[Tensor, Tensor]]", classes: int) -> "tuple[Tensor, ...]":
        """A summary of labelled states for `fit`, from batches of vectors [rows, width] and labels."""
        ...

    def fit(
        self, shots: "tuple[Tensor, ...] | None", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        """The head's tensors by name, from the summaries of the shots and of the English examples; one may be None.

        `scores` must never be highest for a class without examples. Raises StageError where no solution is found.
        """
        ...

    def scores(self, states: "Tensor", head: "Mapping[str, Tensor]") -> "Tensor":
        """Scores [..., classes] of states [..., width]."""
        ...


class Episode(Protocol[Result]):
    """One adaptation to k examples of a language, as methods see it."""

    @property
    def problem(self) -> Problem[Any]: ...

    def train(self) -> Result:
        """Train on the shots, according to the class variables of the method."""
        ...

    def fit_head(self, classifier: StatesClassifier) -> Result:
        """Replace the head by a classifier of the states of English examples and shots. The encoder stays frozen."""
        ...


class FewshotMethod(BaseModel, ABC):
    """A few-shot method. Fields are settings in a recipe and part of a stage's key; class variables are properties.

    The field `method` has the method's name as its type and default. By default a method trains everything that `train`
    does not freeze, for any trainable problem.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    label: ClassVar[str]
    """Name in tables of the report; empty for the default method."""
    explanation: ClassVar[str] = ""
    """Description for the methods section of the report."""
    scope: ClassVar[str] = "tasks that are trained"
    """The problems that it suits, as a phrase after "is for"."""
    freezes_encoder: ClassVar[bool] = False
    """Whether all layers of the encoder stay frozen."""
    takes_steps: ClassVar[bool] = True
    """Whether it takes optimiser steps, so that checkpoint selection is possible."""
    batches_episodes: ClassVar[bool] = False
    """Whether all k and draws of a language can train in one batch. Requires frozen encoder weights."""
    mixes_english: ClassVar[bool] = False
    """Whether every step on shots is followed by a step on English examples."""
    fits_english: ClassVar[bool] = False
    """Whether it also fits the head to the English examples, if the encoder was trained on them."""
    reads_unlabelled: ClassVar[bool] = False
    """Whether it uses unlabelled texts in the scored language, if there are any."""
    checkpoint: ClassVar[Literal["last", "average"]] = "last"
    """Final weights without checkpoint selection: the last, or the mean of ten checkpoints."""

    @property
    def name(self) -> str:
        return type(self).model_fields["method"].default

    def __str__(self) -> str:
        return self.name

    @model_serializer(mode="wrap")
    def _with_name(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Always write the name: without it, settings dumped without defaults cannot be parsed."""
        return {"method": self.name, **handler(self)}

    @property
    def adapters(self) -> Adapters | None:
        """Adapters that are trained instead of the encoder's weights."""
        return None

    def applies_to(self, problem: Problem[Any]) -> bool:
        return problem.is_trained

    def train_settings(self, train: Settings) -> Settings:
        """Training settings, with the method's own values in place of those in `train`."""
        return train

    def run(self, episode: Episode[Result]) -> Result:
        """Adapt to an episode."""
        return episode.train()
