"""The union of all stage specs, and the specs of stages that do not train. No torch here."""

from dataclasses import dataclass
from typing import ClassVar

from xstilts.config.splits import TRANSLATED
from xstilts.config.training import Fusion
from xstilts.planning.fewshot_spec import FewshotStage
from xstilts.planning.majority_spec import MajorityStage
from xstilts.planning.stage import Data, Modality, SplitRead, Stage, canonical_digest
from xstilts.planning.training_specs import AlignStage, IntermediateStage, TargetStage
from xstilts.planning.vector_specs import ChooseLayerStage, MineStage, RetrieveStage


@dataclass(frozen=True, kw_only=True)
class PretrainedStage(Stage):
    """The pretrained encoder. `pin` identifies its weights: the sha256 of the source, or a commit."""

    kind: ClassVar[str] = "pretrained"
    encoder: str
    pin: str
    fusion: Fusion | None = None
    """How a text encoder reads images; None for text-only encoders and for dual encoders."""

    def reads(self) -> tuple[SplitRead, ...]:
        return ()

    @property
    def title(self) -> str:
        return f"pretrained {self.encoder}"


@dataclass(frozen=True, kw_only=True)
class TranslateStage(Stage):
    """Translation of a task's training examples into another language, by a model or from a file.

    `pin` identifies the weights of `model`, or is the sha256 of `file`. With `file`, the settings of a model are None.
    """

    kind: ClassVar[str] = "translate"
    data: Data
    to: str
    pin: str
    file: str | None = None
    model: str | None = None
    source_code: str | None = None
    """The model's code for the source language, if the recipe sets it."""
    target_code: str | None = None
    unit: str | None = None
    beams: int | None = None
    batch_size: int | None = None
    max_length: int | None = None
    precision: str | None = None
    process_threads: int | None = None
    """CPU threads of the translating process."""

    def reads(self) -> tuple[SplitRead, ...]:
        return (SplitRead(data=self.data, split="train", role="translate"),)

    @property
    def threads(self) -> int:
        return self.process_threads or 1

    @property
    def title(self) -> str:
        return f"translate {self.data.task} {self.data.language} to {self.to}"


@dataclass(frozen=True, kw_only=True)
class EvaluateStage(Stage):
    """Zero-shot predictions and scores in one language, of a fine-tuned encoder or an untrained dual encoder."""

    kind: ClassVar[str] = "evaluate"
    code_version: ClassVar[int] = 2
    parent: str
    data: Data
    split: str
    max_length: int
    precision: str
    modality: Modality | None = None
    skip_training: bool | None = None
    """True if `parent` is an encoder that was not trained on this task."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent,)

    def reads(self) -> tuple[SplitRead, ...]:
        return (SplitRead(data=self.data, split=self.split, role="score"),)

    @property
    def group(self) -> str:
        return canonical_digest([self.kind, self.parent])

    @property
    def title(self) -> str:
        suffix = " in translation" if self.split.endswith(TRANSLATED) else ""
        return f"evaluate {self.data.task} {self.data.language}{suffix}"


Spec = (
    PretrainedStage
    | TranslateStage
    | AlignStage
    | IntermediateStage
    | TargetStage
    | FewshotStage
    | EvaluateStage
    | MajorityStage
    | ChooseLayerStage
    | RetrieveStage
    | MineStage
)
