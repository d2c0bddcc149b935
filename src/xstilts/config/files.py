"""Blocks of a recipe for the files of your own tasks, and for new splits."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from xstilts.config.training import Frozen, invalid
from xstilts.problems import ProblemName
from xstilts.problems.labels import LabelRules


class Labels(Frozen):
    """How the labels of your files are rewritten, in this order."""

    names: tuple[str, ...] = ()
    """Names of class numbers, from 0."""
    map: dict[str, str] = {}
    """New names of labels (or of tags, or of the types of tags)."""
    normalise: bool = False
    """Replace labels by a common form, without case, width, invisible characters and number form (`1.0`, `true`)."""

    @property
    def rules(self) -> LabelRules:
        return LabelRules(names=self.names, renamed=self.map, normalise=self.normalise)


class TaskFiles(Frozen):
    """A task defined in the recipe: files, columns and the problem."""

    problem: ProblemName
    """Type of the task."""
    files: dict[str, str | dict[str, str]]
    """By language: one file, or files by split (train, dev, test; `shots-K` for a fixed few-shot set, `test-mt` for the
    test set machine-translated into English). Paths are relative to the recipe."""
    columns: dict[str, str]
    """Maps fields of an example (text, pair, label, prompt, choices, answer, question, context, answer_text,
    answer_start, words, tags, english, partners, image, images, id, group) to columns of the file. `choices` and
    `images` may name several, separated by commas."""
    fractions: dict[str, float] | None = None
    """Fractions of groups per split, if a language has one file."""
    labels: Labels = Labels()
    duplicates: Literal["refuse", "drop-train"] = "refuse"
    """What to do with rows of `train` and `dev` that are also in a later split (`dev`, `test`) of any language."""
    licence: str = "not stated"
    """Licence of the data."""

    @model_validator(mode="after")
    def _fractions_for_single_files(self) -> "TaskFiles":
        if self.fractions is not None and abs(sum(self.fractions.values()) - 1) > 1e-6:
            raise invalid(
                "invalid-value", "`fractions` must add up to 1", f"their sum is {sum(self.fractions.values())}"
            )
        return self


class Partition(Frozen):
    """New splits for a task: pooled and split again by group, identically in every language."""

    pool: Annotated[tuple[str, ...], Field(min_length=1)] = ("dev",)
    """Existing splits to pool; missing ones are skipped. Other splits are kept unless a new split has the same name."""
    fractions: dict[str, Annotated[float, Field(gt=0)]] = {"train": 0.6, "dev": 0.1, "test": 0.3}
    """Fraction of groups per split."""

    @model_validator(mode="after")
    def _fractions_sum_to_one(self) -> "Partition":
        if abs(sum(self.fractions.values()) - 1) > 1e-6:
            raise invalid(
                "invalid-value", "`fractions` must add up to 1", f"their sum is {sum(self.fractions.values())}"
            )
        return self
