"""What a recipe file says. Every field has a default or is named in the error; unknown keys are refused."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from xstilts.config.splits import count_of
from xstilts.config.training import (
    Align,
    Frozen,
    Fusion,
    Lda,
    Lora,
    Mlm,
    NotNegative,
    Positive,
    Sampling,
    Train,
    Translate,
)
from xstilts.problems.registry import ProblemName

Method = Literal["full", "head", "lora", "joint", "average", "lda"]
Selection = Literal["none", "english_dev", "target_dev"]
Keep = Literal["scores", "all"]
FixedShotSet = Annotated[str, Field(pattern=r"^[1-9]\d*x[1-9]\d*$")]
FIXED_SHOTS = "fixed-shots"
"""What stands for the method where shots are a published set."""


class Intermediate(Frozen):
    """An intermediate arm: what is trained before the target, English tasks first of all. Nothing: the baseline."""

    tasks: tuple[str, ...] = ()
    """Names of shipped tasks or of the recipe's own."""
    language: str = "en"
    """Language of the training data."""
    sampling: Sampling = Sampling()
    max_examples: Positive | None = None
    """Training examples of each task, at most."""
    shuffle_labels: bool = False
    """Control: the same training with labels permuted within each task."""
    translate: Translate | None = None
    """Translations of the training data into other languages instead of the originals."""
    match_steps_of: str | None = None
    """Control: no intermediate task, but the target is trained for as many more steps as that arm took."""
    modality: Literal["text", "images"] | None = None
    """Control: the target is trained and scored without its images, or without its texts."""
    mlm: Mlm | None = None
    """Masked-language modelling beside the tasks, or alone."""
    align: Align | None = None
    """Alignment of one layer, before the tasks."""
    train: Train = Train()

    @model_validator(mode="after")
    def _one_kind(self) -> "Intermediate":
        if self.match_steps_of and self.trains:
            kind = next(name for name in ("tasks", "mlm", "align") if getattr(self, name))
            raise ValueError(f"`match_steps_of` is a control without {kind}: remove `{kind}` or `match_steps_of`")
        if self.translate and not self.tasks:
            raise ValueError("`translate` is of the arm's `tasks`, and it has none: name them or remove it")
        return self

    @property
    def trains(self) -> bool:
        """Whether the arm changes the encoder before the target: the baseline does not."""
        return bool(self.tasks or self.mlm or self.align)

    @property
    def reads(self) -> tuple[str, ...]:
        """The tasks whose data the arm trains on."""
        return (*self.tasks, self.align.task) if self.align else self.tasks


class Target(Frozen):
    """A target task: trained in the source language, scored in every language."""

    source_language: str = "en"
    """Language of the training data and of the development data that selects the checkpoint."""
    languages: tuple[str, ...] | None = None
    """Languages that are scored; all of the task's where not given."""
    split: str = "test"
    """Split that is scored."""
    max_examples: Positive | None = None
    """Training examples, at most."""
    max_items: Positive | None = None
    """Scored items of each language, at most; the same items in every arm."""
    translate_test: bool = False
    """Control: zero-shot also on the scored split in machine-made English, in languages that have one (`test-mt` beside
    `test`)."""
    intermediates: tuple[str, ...] | None = None
    """Intermediate arms that this target is trained after; all where not given."""
    layer: NotNegative | None = None
    """Retrieval: layer of the representation; chosen with the untrained encoder where not given."""
    pooling: Literal["mean", "first"] | None = None
    """Retrieval: how tokens become one vector; chosen with the layer where not given, `mean` where that is given."""
    layer_selection_task: str | None = None
    """Retrieval: a task on whose dev split layer and pooling are chosen, or `other-languages`, which chooses for each
    language on the scored items of all others. The task's own dev split, or that of `ui-bitext`, where not given."""
    select_layer_per_arm: bool = False
    """Retrieval: whether to score each arm also with the layer that its own encoder would have chosen."""
    skip_training: bool = False
    """Image retrieval by a dual encoder (CLIP, SigLIP): score each arm's encoder as it is, without training on the task
    in the source language. Shots, where there are any, adapt that encoder."""
    train: Train = Train()


class Fewshot(Frozen):
    """Adaptation with k examples in the target language."""

    shots: tuple[Positive | FixedShotSet, ...] = (4,)
    """Ladder of k: examples per class for classification, sentences for tagging, items otherwise; images with all
    their questions in `xgqa`. `100x5` is the name of a published set."""
    sampled: tuple[Positive, ...] | None = None
    """Those of `shots` that are drawn; all whole numbers where not given. The others are of published sets alone."""
    draws: Positive = 3
    """Numbered, nested, stratified samples of the shots; the same in every arm and seed."""
    methods: tuple[Method, ...] = ("full",)
    """`full` trains all that `train` does not freeze, `head` what is above the encoder, `lora` that and adapters;
    `joint` mixes English steps in, `average` keeps the mean of ten checkpoints. `lda`, for classes and tags, trains
    nothing: above the encoder as English training left it, a head is solved for on the English examples and the shots
    together. Where the method is `head` or `lora` and no step is selected, every k and draw of a language is trained
    side by side; other `shots` or `draws` train them anew."""
    fixed_shots: bool = False
    """Whether the few-shot sets that a task's publishers fixed, of k images, concepts or pairs, are adapted to as well,
    by the first method; languages without a set of that k are left out."""
    tasks: tuple[str, ...] | None = None
    """Targets that are adapted; every trained one where not given."""
    languages: tuple[str, ...] | None = None
    """Languages that are adapted; those of the target where not given."""
    intermediates: tuple[str, ...] | None = None
    """Intermediate arms that are adapted; all where not given."""
    selection: Selection = "none"
    """Fixed steps, best on English development data, or best on target-language data (an oracle). The weights before
    the first step may be the best: then nothing has changed."""
    also_select: Literal["english_dev"] | None = None
    """Control: the step that is best on English development data, beside what `selection` says."""
    more_english: bool = False
    """Control: as many source-language examples instead of the shots."""
    multilingual: bool = False
    """Control: one model for all adapted languages, on the shots of all of them together."""
    without_target: bool = False
    """Control: shots on an encoder that was not trained on the target task in the source language."""
    lora: Lora = Lora()
    lda: Lda = Lda()
    train: Train = Train(epochs=5, batch_size=16, learning_rate=2e-4, head_learning_rate=5e-4)


class Arm(Frozen):
    """One path through the graph, as a comparison names it."""

    intermediate: str
    shots: NotNegative | FixedShotSet = 0
    method: Method | Literal["fixed-shots"] = "full"

    @property
    def named(self) -> tuple[str, int]:
        """Method and number of shots as scores name them."""
        return fixed_shots_arm(self.shots) if self.method == FIXED_SHOTS else (self.method, int(self.shots))


def fixed_shots_arm(k: int | str) -> tuple[str, int]:
    """Method and number of shots by which scores name a published set: 100x5 is told from 500."""
    method = FIXED_SHOTS if isinstance(k, int) else f"{FIXED_SHOTS}-{k}"
    return method, count_of(k)


class Primary(Frozen):
    """The one contrast that is named before the recipe runs."""

    task: str
    treatment: Arm
    baseline: Arm
    languages: tuple[str, ...] | None = None
    """Fixed list of languages; those of the target, without the source and development languages, if not given."""


class TaskFiles(Frozen):
    """A user's own task: files, their columns and the problem."""

    problem: ProblemName
    files: dict[str, str | dict[str, str]]
    """By language: one file, or files by split (train, dev, test; `shots-K` for a few-shot set that is used as it is,
    `test-mt` for the test set in machine-made English). Relative to the recipe."""
    columns: dict[str, str]
    """From a field of the example (text, pair, label, prompt, choices, answer, question, context, answer_text,
    answer_start, words, tags, english, id, group) to the file's column; `choices` may name several, with commas."""
    fractions: dict[str, float] | None = None
    """How groups are assigned to splits where a language has one file."""
    licence: str = "not stated"

    @model_validator(mode="after")
    def _fractions_for_single_files(self) -> "TaskFiles":
        if self.fractions is not None and abs(sum(self.fractions.values()) - 1) > 1e-6:
            raise ValueError("`fractions` must add up to 1")
        return self


class Partition(Frozen):
    """Splits of a task that are thrown together and assigned anew, by group, the same in every language."""

    pool: Annotated[tuple[str, ...], Field(min_length=1)] = ("dev",)
    """Splits that the task has; one that a language lacks is passed over. The others stay, unless one that is made
    anew has their name."""
    fractions: dict[str, Annotated[float, Field(gt=0)]] = {"train": 0.6, "dev": 0.1, "test": 0.3}
    """Share of the groups that each split gets."""

    @model_validator(mode="after")
    def _whole(self) -> "Partition":
        if abs(sum(self.fractions.values()) - 1) > 1e-6:
            raise ValueError("`fractions` must add up to 1")
        return self


class Recipe(Frozen):
    """A whole experiment."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    description: str = ""
    encoder: str = "e5-small"
    """A name that `xstilts encoders` lists, a Hub id, or a local folder."""
    revision: str | None = None
    """Commit of a Hub encoder."""
    fusion: Fusion = Fusion()
    """How images are read by an encoder that is named text+vision."""
    seeds: tuple[NotNegative, ...] = (0, 1, 2)
    """Each reseeds the whole chain, intermediate training included."""
    development_languages: tuple[str, ...] = ()
    """Languages on which settings were tuned: no headline contains them."""
    tasks: dict[str, TaskFiles] = {}
    """The user's own tasks, by name."""
    partition: dict[str, Partition] = {}
    """Tasks whose splits are made anew, where the official ones are not at hand; scores are then not the official."""
    intermediate: dict[str, Intermediate] = {"none": Intermediate()}
    """Intermediate arms, by name."""
    targets: dict[str, Target]
    """Target tasks, by name."""
    fewshot: Fewshot | None = None
    primary: Primary | None = None
    keep: Keep = "scores"
    """Few-shot weights: dropped once they are scored, or kept. Fine-tuned encoders are kept until `gc`."""

    def with_precision(self, precision: Literal["bf16", "fp32"]) -> "Recipe":
        """The recipe with every `auto` replaced."""
        return Recipe.model_validate(_settled(self.model_dump(), precision))


def _settled(value: object, precision: str) -> object:
    if isinstance(value, dict):
        return {k: precision if (k, v) == ("precision", "auto") else _settled(v, precision) for k, v in value.items()}
    return value
