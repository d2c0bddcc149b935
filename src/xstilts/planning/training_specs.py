"""Specs of the training stages before few-shot adaptation: intermediate, alignment, target. No torch here."""

from dataclasses import dataclass
from typing import ClassVar

from xstilts.config.training import HeadStyle, Sampling, Train
from xstilts.planning.stage import CorpusRead, Data, Masking, Modality, SplitRead, Stage

MAX_MEASURED_PAIRS = 500
"""Pairs per language and subset (trained, held out) on which alignment is measured: accuracy depends on the number of
candidates."""


@dataclass(frozen=True, kw_only=True)
class IntermediateStage(Stage):
    """Fine-tuning on one or several tasks. Only the encoder is kept; heads are dropped."""

    kind: ClassVar[str] = "intermediate"
    code_version: ClassVar[int] = 6
    parent: str
    data: tuple[Data, ...]
    sampling: Sampling
    shuffle_labels: bool
    train: Train
    seed: int
    head: HeadStyle
    mlm: Masking | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent, *(data.translated for data in self.data if data.translated))

    def reads(self) -> tuple[SplitRead | CorpusRead, ...]:
        return (
            *(SplitRead(data=data, split="train", role="train") for data in self.data),
            *(CorpusRead(texts=texts, role="train") for texts in (self.mlm.texts if self.mlm else ())),
        )

    @property
    def threads(self) -> int:
        return self.train.threads

    @property
    def title(self) -> str:
        names = [f"{data.task} in {data.language}" if data.translated else data.task for data in self.data]
        if self.mlm:
            names.append(f"masked texts ({', '.join(texts.language for texts in self.mlm.texts)})")
        shuffled = " (labels shuffled)" if self.shuffle_labels else ""
        return f"intermediate {'+'.join(names)}{shuffled}, seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class AlignStage(Stage):
    """Alignment of translations by low-rank adapters on the attention of one layer, merged into its weights."""

    kind: ClassVar[str] = "align"
    code_version: ClassVar[int] = 3
    parent: str
    data: tuple[Data, ...]
    split: str
    layer: int
    rank: int
    alpha: int
    dropout: float
    margin: float
    held_out: float
    train: Train
    seed: int

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent,)

    def reads(self) -> tuple[SplitRead, ...]:
        return tuple(SplitRead(data=data, split=self.split, role="train") for data in self.data)

    @property
    def threads(self) -> int:
        return self.train.threads

    @property
    def title(self) -> str:
        languages = ", ".join(data.language for data in self.data)
        return f"align {self.data[0].task} ({languages}) in layer {self.layer}, seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class TargetStage(Stage):
    """Fine-tuning on the target task in the source language, with a fresh head."""

    kind: ClassVar[str] = "target"
    code_version: ClassVar[int] = 7
    parent: str
    match_steps_of: str | None
    """Key of an intermediate stage whose steps are added to this stage's own: the equal-steps control."""
    data: Data
    train: Train
    seed: int
    head: HeadStyle
    modality: Modality | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent, self.match_steps_of) if self.match_steps_of else (self.parent,)

    def reads(self) -> tuple[SplitRead, ...]:
        return (
            SplitRead(data=self.data, split="train", role="train"),
            SplitRead(data=self.data, split="dev", role="select"),
        )

    @property
    def threads(self) -> int:
        return self.train.threads

    @property
    def title(self) -> str:
        return f"target {self.data.task} ({self.data.language}), seed {self.seed}"
