"""What each kind of stage is: its settings and its inputs. No torch here."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from xstilts.config import Keep, Method, Selection
from xstilts.settings import Fusion, Lora, Sampling, Train
from xstilts.stages.stage import Data, Masking, Stage, digest

See = Literal["text", "images"]
"""What alone of an example is seen, where a control hides the rest."""


@dataclass(frozen=True, kw_only=True)
class PretrainedStage(Stage):
    """The encoder as it was published. `pin` names its weights (sha256 of the source, or a commit)."""

    kind: ClassVar[str] = "pretrained"
    encoder: str
    pin: str
    fusion: Fusion | None = None
    """How images are read; None where they are not, or by an encoder that was made for them."""

    @property
    def title(self) -> str:
        return f"pretrained {self.encoder}"


@dataclass(frozen=True, kw_only=True)
class TranslateStage(Stage):
    """A task's training examples in another language: by a model, or from a file that holds the translations.

    `pin` names the weights of `model`, or is the sha256 of `file`; what belongs to a model alone is None with a file.
    """

    kind: ClassVar[str] = "translate"
    data: Data
    to: str
    pin: str
    file: str | None = None
    model: str | None = None
    source_code: str | None = None
    """The model's name of the language, where the recipe gives one."""
    target_code: str | None = None
    unit: str | None = None
    beams: int | None = None
    batch_size: int | None = None
    max_length: int | None = None
    precision: str | None = None
    at_once: int | None = None
    """Threads of the process that translates."""

    @property
    def threads(self) -> int:
        return self.at_once or 1

    @property
    def title(self) -> str:
        return f"translate {self.data.task} {self.data.language} to {self.to}"


@dataclass(frozen=True, kw_only=True)
class IntermediateStage(Stage):
    """Fine-tuning on one or several tasks; what is left is the encoder, heads are dropped."""

    kind: ClassVar[str] = "intermediate"
    parent: str
    data: tuple[Data, ...]
    sampling: Sampling
    shuffle_labels: bool
    train: Train
    seed: int
    mlm: Masking | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent, *(data.translated for data in self.data if data.translated))

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
    """Low-rank adaptation of one layer's attention that draws translations together; merged into the weights."""

    kind: ClassVar[str] = "align"
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
    parent: str
    steps_of: str | None
    """Key of an intermediate stage whose number of steps is added: the equal-steps control."""
    data: Data
    train: Train
    seed: int
    see: See | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent, self.steps_of) if self.steps_of else (self.parent,)

    @property
    def threads(self) -> int:
        return self.train.threads

    @property
    def title(self) -> str:
        return f"target {self.data.task} ({self.data.language}), seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class FewshotStage(Stage):
    """Adaptation to k examples of a language, scored at once so that its weights need not be kept.

    `parent` is a target stage, or an encoder where `fresh_head` is set (shots without source training).
    `shots_language` differs from `evaluation.language` only in the control of more source-language examples.
    """

    kind: ClassVar[str] = "fewshot"
    parent: str
    fresh_head: bool
    data: Data
    """The target task in the source language: what `joint` mixes in and `english_dev` selects on."""
    evaluation: Data
    split: str
    shots_language: str
    shots: int
    draw: int
    method: Method
    selection: Selection
    lora: Lora | None
    train: Train
    seed: int
    keep: Keep
    see: See | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent,)

    @property
    def group(self) -> str:
        return digest([self.kind, self.parent, self.evaluation.task, self.evaluation.language])

    @property
    def threads(self) -> int:
        return self.train.threads

    @property
    def title(self) -> str:
        return (
            f"{self.shots}-shot {self.evaluation.language} {self.evaluation.task} ({self.method}), "
            f"draw {self.draw}, seed {self.seed}"
        )


@dataclass(frozen=True, kw_only=True)
class EvaluateStage(Stage):
    """Predictions and scores of a fine-tuned encoder in one language, or of a dual encoder that was not."""

    kind: ClassVar[str] = "evaluate"
    parent: str
    data: Data
    split: str
    max_length: int
    precision: str
    see: See | None = None
    untrained: bool | None = None
    """Set where `parent` is an encoder that nothing was trained for this task on."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent,)

    @property
    def group(self) -> str:
        return digest([self.kind, self.parent])

    @property
    def title(self) -> str:
        return f"evaluate {self.data.task} {self.data.language}"


@dataclass(frozen=True, kw_only=True)
class ChooseLayerStage(Stage):
    """The layer and pooling whose vectors retrieve best; `parent` is the untrained encoder where all arms follow it.

    A `pooling` of None sweeps all. `centred` says whether the mean vector of the other half is subtracted.
    """

    kind: ClassVar[str] = "choose-layer"
    parent: str
    data: tuple[Data, ...]
    split: str
    pooling: str | None
    max_length: int
    centred: bool = True

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent,)

    @property
    def title(self) -> str:
        return f"choose layer on {self.data[0].task}"


@dataclass(frozen=True, kw_only=True)
class _VectorStage(Stage):
    """A task that nothing is trained for, by the vectors of one layer and pooling."""

    parent: str
    data: Data
    split: str
    layer: int | None
    chosen_by: str | None
    """Key of the stage that chose layer and pooling, where none is given."""
    pooling: str | None
    max_length: int
    precision: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent, self.chosen_by) if self.chosen_by else (self.parent,)

    @property
    def group(self) -> str:
        return digest([self.kind, self.parent])

    @property
    def title(self) -> str:
        return f"{self.kind} {self.data.task} {self.data.language}"


@dataclass(frozen=True, kw_only=True)
class RetrieveStage(_VectorStage):
    """Translations found by nearest vector, both directions, in one language."""

    kind: ClassVar[str] = "retrieve"
    centre_split: str | None
    """Split whose mean vector is subtracted; never the one that is evaluated. None: none is subtracted."""
    leave_out: bool | None
    """Whether the choice is made on all languages of that stage but the one that is scored."""


@dataclass(frozen=True, kw_only=True)
class MineStage(_VectorStage):
    """Translations picked out of a collection in one language and an English one."""

    kind: ClassVar[str] = "mine"
    dev_split: str
    """Split whose gold pairs decide from which margin on a pair is kept; never the one that is evaluated."""


Spec = (
    PretrainedStage
    | TranslateStage
    | AlignStage
    | IntermediateStage
    | TargetStage
    | FewshotStage
    | EvaluateStage
    | ChooseLayerStage
    | RetrieveStage
    | MineStage
)
