"""The spec of few-shot adaptation. No torch here."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from xstilts.config.recipe import Selection
from xstilts.config.splits import shots_split
from xstilts.config.training import HeadStyle, Train
from xstilts.methods.auto import Auto
from xstilts.methods.method import FewshotMethod
from xstilts.planning.stage import CorpusRead, Data, Modality, SplitRead, Stage, Texts, canonical_digest, uncapped

Keep = Literal["scores", "all"]


@dataclass(frozen=True, kw_only=True)
class FewshotStage(Stage):
    """An episode: adaptation to k examples of a language, and the scores. They share a stage, so weights need no disk.

    `parent` is a target stage, or an encoder if `fresh_head` is set (few-shot training without target training).
    Without shots (k = 0), a closed-form head is fitted to the source-language examples alone.
    `shots_language` differs from `evaluation.language` only in the control with more source-language examples.
    """

    kind: ClassVar[str] = "fewshot"
    code_version: ClassVar[int] = 7
    parent: str
    fresh_head: bool
    data: Data
    """The target task in the source language: `joint` trains on it, and `english_dev` selects on it."""
    evaluation: Data
    split: str
    shots_language: str
    shots: int
    draw: int
    """0 without shots."""
    method: FewshotMethod
    """With its settings."""
    selection: Selection
    train: Train
    seed: int
    keep: Keep
    head: HeadStyle
    """Of a fresh head, and of the parent's."""
    modality: Modality | None = None
    unchanged: bool | None = None
    """Whether selection may choose the initial weights; None without selection or with a fresh head."""
    fits_source: bool | None = None
    """Whether a fresh closed-form head is fitted to the source-language examples too; None without a fresh head."""
    before_target: str | None = None
    """The encoder before target training, for a method that may use it."""
    unlabelled: Texts | None = None
    """Texts in the scored language, for a closed-form head."""
    fixed_shots: str | None = None
    """Name of a published few-shot set, used as a whole; `shots` and `draw` then only label the episode."""

    batched_with: tuple[tuple[int, int], ...] | None = None
    """The (shots, draw) of all episodes in the same batch, including this one; None if it trains alone. Part of the
    key because batching changes rounding."""

    multilingual: tuple[Data, ...] | None = None
    """The pools of all languages whose shots train one model; `shots_language` is then ignored."""

    new_labels: tuple[str, ...] | None = None
    """Classes of the shots that the training data in the source language lack. The head gets an output for each."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent,) if self.before_target is None else (self.parent, self.before_target)

    def reads(self) -> tuple[SplitRead | CorpusRead, ...]:
        shots = "train" if self.fixed_shots is None else shots_split(self.fixed_shots)
        reads: list[SplitRead | CorpusRead] = [SplitRead(data=pool, split=shots, role="train") for pool in self.pools]
        if self.trains_on_source:
            reads.append(SplitRead(data=self.data, split="train", role="train"))
        elif self.fresh_head:
            reads.append(SplitRead(data=self.data, split="train", role="labels"))
        if self.unlabelled is not None:
            reads.append(CorpusRead(texts=self.unlabelled, role="calibrate"))
        if self.selection != "none":
            dev = self.data if self.selection == "english_dev" else uncapped(self.evaluation)
            reads.append(SplitRead(data=dev, split="dev", role="select"))
        elif isinstance(self.method, Auto) and not self.fresh_head:
            reads.append(SplitRead(data=self.data, split="dev", role="select"))
        return (*reads, SplitRead(data=self.evaluation, split=self.split, role="score"))

    @property
    def pools(self) -> tuple[Data, ...]:
        """The task in each language that provides shots. Uncapped, so that a cap on scored items changes no shots."""
        if self.multilingual is not None:
            return self.multilingual
        if not self.shots:
            return ()
        return (uncapped(self.evaluation if self.shots_language == self.evaluation.language else self.data),)

    @property
    def trains_on_source(self) -> bool:
        """Whether the episode also trains on, or fits its head to, the source-language training data."""
        return self.method.mixes_english or (self.method.fits_english and bool(not self.fresh_head or self.fits_source))

    def without_shots(self) -> "FewshotStage":
        """The episode with k = 0, the same for all k and draws."""
        return replace(self, shots=0, draw=0, fixed_shots=None, new_labels=None, unchanged=None)

    @property
    def trained_languages(self) -> tuple[str, ...]:
        """The languages that the model is trained for."""
        return tuple(data.language for data in self.multilingual) if self.multilingual else (self.evaluation.language,)

    @property
    def episode_batch(self) -> "tuple[FewshotStage, ...]":
        """The episodes that train in one batch, including this one."""
        return tuple(replace(self, shots=shots, draw=draw) for shots, draw in self.batched_with or ())

    @property
    def training_key(self) -> str:
        """Equal for stages that score the same trained model in different languages."""
        anonymous = replace(self.evaluation, language="", fingerprint="", max_examples=None)
        return replace(self, evaluation=anonymous, shots_language="").key

    @property
    def group(self) -> str:
        return canonical_digest([self.kind, self.parent, self.evaluation.task, *self.trained_languages])

    @property
    def threads(self) -> int:
        return self.train.threads

    @property
    def title(self) -> str:
        name = f"{self.evaluation.language} {self.evaluation.task} ({self.method})"
        if not self.shots:
            return f"zero-shot {name}, seed {self.seed}"
        source = f"published {self.fixed_shots}" if self.fixed_shots else f"draw {self.draw}"
        return f"{self.shots}-shot {name}, {'mixed, ' if self.multilingual else ''}{source}, seed {self.seed}"
