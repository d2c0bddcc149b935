"""What a file of statements says: what was published, and what would have to hold of scores."""

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
    """Training on these tasks raises the suite's average; by `figure`, where one was stated.

    With several tasks it is the arm of the recipe that trains on most of them.
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
    """These targets gain more, on average over the arms with one task, than any other target of the suite."""

    kind: Literal["most"]
    targets: Annotated[tuple[str, ...], Field(min_length=1)]


class ConsistentGain(Frozen):
    """The target gains from more than half of the arms with one task, of which there are three at least."""

    kind: Literal["consistent_gain"]
    target: str
    margin: Points = 1.0
    """An arm whose interval ends below it does not gain."""


class NoGain(Frozen):
    """On average over the arms with one task the target gains less than `margin`."""

    kind: Literal["no_gain"]
    target: str
    margin: Points = 1.0


class BestPerTarget(Frozen):
    """The arm that development data choose for each target raises the suite's average; by `figure`, where one was
    stated."""

    kind: Literal["best_per_target"]
    over: Over = "all"
    figure: Points | None = None


class Beats(Frozen):
    """English tasks alone raise the suite's average more than with the addition, or than translated."""

    kind: Literal["beats"]
    other: Literal["mlm", "translate"]
    over: Over = "all"


class Encoder(Frozen):
    """The recipe starts from this encoder."""

    kind: Literal["encoder"]
    encoder: str


class Phases(Frozen):
    """Every trained target after an intermediate arm goes back over that training to a public masked language model."""

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
    """What a text says. Without a source, it is stated somewhere but was not found in any text that could be read."""

    text: str
    source: str | None = None

    def __str__(self) -> str:
        return f"{self.text} ({self.source or 'stated, not found in any text that could be read'})"


class Part(Frozen):
    text: str
    published: tuple[Published, ...] = ()
    """Empty: nothing was found."""
    predicate: Predicate


class Claim(Frozen):
    number: int
    text: str
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]


class Statements(Frozen):
    """The statements of one paper, with the encoder and the suite that they speak of."""

    name: str
    title: str
    citation: str
    encoder: str
    suite: str
    intermediates: tuple[str, ...]
    """The tasks that statements about every intermediate task speak of."""
    claims: tuple[Claim, ...]


def shipped_statements() -> tuple[str, ...]:
    """The names of the files of statements that come with the package."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.yaml")))


def load_statements(name: str) -> Statements:
    """A shipped file of statements. Raises UserError where there is none, or it does not make sense."""
    if name not in shipped_statements():
        raise UserError(f"unknown statements {name!r}", did_you_mean(name, shipped_statements()))
    path = Path(__file__).with_name(f"{name}.yaml")
    try:
        return Statements.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise UserError(f"{path} does not make sense: {error}", "correct these fields") from None
