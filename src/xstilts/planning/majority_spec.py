"""The spec of the trivial baseline. No torch here."""

from dataclasses import dataclass
from typing import ClassVar

from xstilts.planning.stage import Data, SplitRead, Stage, canonical_digest, uncapped


@dataclass(frozen=True, kw_only=True)
class MajorityStage(Stage):
    """Scores of predictions that depend on the labels of the training data only: see `Problem.trivial_predictions`."""

    kind: ClassVar[str] = "majority"
    data: Data
    """The task in the source language, whose training labels are counted."""
    evaluation: Data
    split: str
    shots: int
    """Shots whose labels are counted too."""
    draw: int
    """0 without shots."""
    new_labels: tuple[str, ...] | None = None
    """Classes of the shots that the training data in the source language lack."""
    encoder: str | None = None
    """Key of the pretrained encoder of a task with images: the images that it can read decide which items are scored.
    None for texts."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return () if self.encoder is None else (self.encoder,)

    def reads(self) -> tuple[SplitRead, ...]:
        return (
            SplitRead(data=self.data, split="train", role="train"),
            *(SplitRead(data=pool, split="train", role="train") for pool in self.pools),
            SplitRead(data=self.evaluation, split=self.split, role="score"),
        )

    @property
    def pools(self) -> tuple[Data, ...]:
        """The task in the language that provides shots, uncapped as in `FewshotStage`."""
        return (uncapped(self.evaluation),) if self.shots else ()

    @property
    def group(self) -> str:
        return canonical_digest([self.kind, self.encoder, self.evaluation.task])

    @property
    def title(self) -> str:
        name = f"majority {self.evaluation.language} {self.evaluation.task}"
        return f"{self.shots}-shot {name}, draw {self.draw}" if self.shots else name
