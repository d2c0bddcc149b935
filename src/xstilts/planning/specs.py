"""What each kind of stage is: its settings and its inputs. No torch here."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from xstilts.config.recipe import Selection
from xstilts.config.splits import TRANSLATED, shots_split
from xstilts.config.training import Fusion, Sampling, Train
from xstilts.methods.method import FewshotMethod
from xstilts.planning.stage import CorpusRead, Data, Masking, SplitRead, Stage, canonical_digest
from xstilts.planning.vector_specs import ChooseLayerStage, MineStage, RetrieveStage

Keep = Literal["scores", "all"]
Modality = Literal["text", "images"]
"""What alone of an example is seen, where a control hides the rest."""

MAX_MEASURED_PAIRS = 500
"""Pairs of each language, and of each of the trained and held-out parts, that an alignment is measured on at most:
accuracy falls with the number of candidates."""


@dataclass(frozen=True, kw_only=True)
class PretrainedStage(Stage):
    """The encoder as it was published. `pin` names its weights (sha256 of the source, or a commit)."""

    kind: ClassVar[str] = "pretrained"
    encoder: str
    pin: str
    fusion: Fusion | None = None
    """How images are read; None where they are not, or by an encoder that was made for them."""

    def reads(self) -> tuple[SplitRead, ...]:
        return ()

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
    process_threads: int | None = None
    """Threads of the process that translates."""

    def reads(self) -> tuple[SplitRead, ...]:
        return (SplitRead(data=self.data, split="train", role="translate"),)

    @property
    def threads(self) -> int:
        return self.process_threads or 1

    @property
    def title(self) -> str:
        return f"translate {self.data.task} {self.data.language} to {self.to}"


@dataclass(frozen=True, kw_only=True)
class IntermediateStage(Stage):
    """Fine-tuning on one or several tasks; what is left is the encoder, heads are dropped."""

    kind: ClassVar[str] = "intermediate"
    code_version: ClassVar[int] = 4
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
    """Low-rank adaptation of one layer's attention that draws translations together; merged into the weights."""

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
    code_version: ClassVar[int] = 4
    parent: str
    match_steps_of: str | None
    """Key of an intermediate stage whose number of steps is added: the equal-steps control."""
    data: Data
    train: Train
    seed: int
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


@dataclass(frozen=True, kw_only=True)
class FewshotStage(Stage):
    """Adaptation to k examples of a language, scored at once so that its weights need not be kept.

    `parent` is a target stage, or an encoder where `fresh_head` is set (shots without source training).
    `shots_language` differs from `evaluation.language` only in the control of more source-language examples.
    """

    kind: ClassVar[str] = "fewshot"
    code_version: ClassVar[int] = 4
    parent: str
    fresh_head: bool
    data: Data
    """The target task in the source language: what `joint` mixes in and `english_dev` selects on."""
    evaluation: Data
    split: str
    shots_language: str
    shots: int
    draw: int
    method: FewshotMethod
    """With its settings."""
    selection: Selection
    train: Train
    seed: int
    keep: Keep
    modality: Modality | None = None
    unchanged: bool | None = None
    """Whether the weights before the first step may be the best; None where none are selected, or the head is fresh."""
    fixed_shots: str | None = None
    """The name of the published set that the shots are, all of them; `shots` and `draw` are then but their names."""

    batched_with: tuple[tuple[int, int], ...] | None = None
    """The shots and draws of all episodes that this one is trained side by side with, itself among them; None where it
    is trained alone. It changes the rounding."""

    multilingual: tuple[Data, ...] | None = None
    """The pools of all languages whose shots train one model together; `shots_language` then says nothing."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent,)

    def reads(self) -> tuple[SplitRead, ...]:
        shots = "train" if self.fixed_shots is None else shots_split(self.fixed_shots)
        return (
            *(SplitRead(data=pool, split=shots, role="train") for pool in self.pools),
            *self._source_reads,
            SplitRead(data=self.evaluation, split=self.split, role="score"),
        )

    @property
    def _source_reads(self) -> tuple[SplitRead, ...]:
        """What is read beside the shots and the scored split."""
        reads = []
        if self.trains_on_source:
            reads.append(SplitRead(data=self.data, split="train", role="train"))
        elif self.fresh_head:
            reads.append(SplitRead(data=self.data, split="train", role="labels"))
        if self.selection != "none":
            data = self.data if self.selection == "english_dev" else uncapped(self.evaluation)
            reads.append(SplitRead(data=data, split="dev", role="select"))
        return tuple(reads)

    @property
    def pools(self) -> tuple[Data, ...]:
        """The task in each language that shots are taken of. They are never capped, so that a cap on the scored items
        changes no shots."""
        if self.multilingual is not None:
            return self.multilingual
        return (uncapped(self.evaluation if self.shots_language == self.evaluation.language else self.data),)

    @property
    def trains_on_source(self) -> bool:
        """Whether the training data in the source language are trained on again, together with the shots."""
        return self.method.mixes_english or (self.method.fits_english and not self.fresh_head)

    @property
    def trained_languages(self) -> tuple[str, ...]:
        """The languages that the model is trained for."""
        return tuple(data.language for data in self.multilingual) if self.multilingual else (self.evaluation.language,)

    @property
    def episode_batch(self) -> "tuple[FewshotStage, ...]":
        """The episodes that are trained together, this one among them."""
        return tuple(replace(self, shots=shots, draw=draw) for shots, draw in self.batched_with or ())

    @property
    def training_key(self) -> str:
        """What stages have in common whose model is one and the same, scored in several languages."""
        whole = replace(self.evaluation, language="", fingerprint="", max_examples=None)
        return replace(self, evaluation=whole, shots_language="").key

    @property
    def group(self) -> str:
        return canonical_digest([self.kind, self.parent, self.evaluation.task, *self.trained_languages])

    @property
    def threads(self) -> int:
        return self.train.threads

    @property
    def title(self) -> str:
        drawn = f"published {self.fixed_shots}" if self.fixed_shots else f"draw {self.draw}"
        return (
            f"{self.shots}-shot {self.evaluation.language} {self.evaluation.task} ({self.method}), "
            f"{'mixed, ' if self.multilingual else ''}{drawn}, seed {self.seed}"
        )


@dataclass(frozen=True, kw_only=True)
class EvaluateStage(Stage):
    """Predictions and scores of a fine-tuned encoder in one language, or of a dual encoder that was not."""

    kind: ClassVar[str] = "evaluate"
    code_version: ClassVar[int] = 2
    parent: str
    data: Data
    split: str
    max_length: int
    precision: str
    modality: Modality | None = None
    skip_training: bool | None = None
    """Set where `parent` is an encoder that nothing was trained for this task on."""

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
        where = f"{self.data.task} {self.data.language}"
        return f"evaluate {where} in translation" if self.split.endswith(TRANSLATED) else f"evaluate {where}"


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


def uncapped(data: Data) -> Data:
    return replace(data, max_examples=None)
