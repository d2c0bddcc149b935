"""The YAML format of a paper's claims: what was published, and a predicate that the scores must satisfy."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError

from xstilts.config.training import Frozen
from xstilts.errors import UserError, did_you_mean

Over = Literal["all", "trained", "retrieval"]
Points = float
"""A difference in points of 100."""


class Gain(Frozen):
    """Training on these tasks raises the suite's average, by `figure` points if the paper gives a number.

    With several tasks, the recipe's arm that trains on most of them is tested.
    """

    kind: Literal["gain"]
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    over: Over = "all"
    figure: Points | None = None


class Best(Frozen):
    """Training on all of these tasks together raises the suite's average more than on any one of them."""

    kind: Literal["best"]
    tasks: Annotated[tuple[str, ...], Field(min_length=2)]
    over: Over = "all"


class Most(Frozen):
    """These targets gain more, averaged over the single-task arms, than any other target of the suite."""

    kind: Literal["most"]
    targets: Annotated[tuple[str, ...], Field(min_length=1)]


class ConsistentGain(Frozen):
    """The target gains from more than half of the single-task arms; at least three such arms are required."""

    kind: Literal["consistent_gain"]
    target: str
    margin: Points = 1.0
    """An arm whose interval ends below this margin does not gain."""


class NoGain(Frozen):
    """Averaged over the single-task arms, the target gains less than `margin`."""

    kind: Literal["no_gain"]
    target: str
    margin: Points = 1.0


class BestPerTarget(Frozen):
    """The arm chosen on development data for each target raises the suite's average, by `figure` points if the paper
    gives a number."""

    kind: Literal["best_per_target"]
    over: Over = "all"
    figure: Points | None = None


class Beats(Frozen):
    """English tasks alone raise the suite's average more than the same tasks with MLM, or translated."""

    kind: Literal["beats"]
    other: Literal["mlm", "translate"]
    over: Over = "all"


class Encoder(Frozen):
    """The recipe starts from this encoder."""

    kind: Literal["encoder"]
    encoder: str


class Phases(Frozen):
    """Every target is trained in three phases: public masked language model, intermediate training, target training."""

    kind: Literal["phases"]


class Intermediates(Frozen):
    """The recipe has an arm for each of these tasks, in English."""

    kind: Literal["intermediates"]
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]


Predicate = Annotated[
    Gain | Best | Most | ConsistentGain | NoGain | BestPerTarget | Beats | Encoder | Phases | Intermediates,
    Field(discriminator="kind"),
]


class Published(Frozen):
    """A published result. Without `source`, it is attributed to the paper, but no accessible text contains it."""

    text: str
    source: str | None = None

    def __str__(self) -> str:
        return f"{self.text} ({self.source or 'attributed to the paper; not found in an accessible text'})"


class ClaimPart(Frozen):
    text: str
    published: tuple[Published, ...] = ()
    """Empty if no published result was found."""
    predicate: Predicate


class Claim(Frozen):
    number: int
    text: str
    parts: Annotated[tuple[ClaimPart, ...], Field(min_length=1)]


class Statements(Frozen):
    """The claims of one paper, with the encoder and the suite that they are about."""

    name: str
    title: str
    citation: str
    encoder: str
    suite: str
    intermediates: tuple[str, ...]
    """The tasks that claims about "every intermediate task" refer to."""
    claims: tuple[Claim, ...]


def shipped_statements() -> tuple[str, ...]:
    """The papers whose claims ship with the package."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.yaml")))


def load_statements(name: str) -> Statements:
    """The claims of a paper that ship with the package. Raises UserError if there are none or the file is invalid."""
    if name not in shipped_statements():
        raise UserError(f"unknown paper {name!r}", did_you_mean(name, shipped_statements()))
    path = Path(__file__).with_name(f"{name}.yaml")
    try:
        return Statements.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise UserError(f"{path} is invalid: {error}", "correct these fields") from None
