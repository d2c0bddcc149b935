"""What a recipe file says. Every field has a default or is named in the error; unknown keys are refused."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from xstilts.problems import ProblemName

Method = Literal["full", "head", "lora", "joint", "average"]
Selection = Literal["none", "english_dev", "target_dev"]
Keep = Literal["scores", "all"]

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(gt=0, lt=1)]


OneOrMore = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Train(Frozen):
    """How one stage trains. Everything here is part of the stage's key."""

    epochs: Annotated[float, Field(gt=0)] = 10.0
    """Passes over the training data; ignored where `steps` is given."""
    steps: Positive | None = None
    """Optimiser steps."""
    batch_size: Positive = 32
    """Examples in a step, at most."""
    batch_tokens: Positive = 4096
    """Tokens in a step after padding, at most; a longer example gets a step of its own."""
    learning_rate: Rate = 1e-4
    """Peak rate of the encoder's weights."""
    head_learning_rate: Rate | None = 1e-3
    """Peak rate of the head, which is fresh in all but few-shot training; the encoder's where null."""
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """AdamW's decay, not applied to biases and normalisation."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Part of the steps during which the rate rises; afterwards it falls linearly to zero."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the gradient."""
    max_length: Annotated[int, Field(ge=16, le=8192)] = 128
    """Sub-words in an input, at most; longer texts are cut, longer tagged sentences and contexts are split."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Arithmetic of the matrix products; the weights and the optimiser stay in fp32. `auto` is the faster on this kind
    of machine, and what it stands for is part of the stage's key."""
    frozen_layers: NotNegative = 0
    """Lower layers that keep their weights; with any, the embeddings keep theirs too."""
    freeze_embeddings: bool = False
    """Whether the embeddings keep their weights."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Dropout of the trained layers and the head; the encoder's own where not given."""
    threads: Positive = 1
    """Threads of the process that trains. Two stages of one thread side by side beat one with two."""
    evaluations: Positive = 5
    """How often the development data is scored where a checkpoint is selected on it."""


class Sampling(Frozen):
    """How a step's task is drawn when several are trained together."""

    by: Literal["proportional", "temperature", "uniform"] = "proportional"
    """Proportional to size, to size to the power 1/temperature, or alike."""
    cap: Positive = 131072
    """Examples that a task counts for, at most."""
    temperature: Annotated[float, Field(ge=1)] = 5.0
    """Exponent's divisor; only with `by: temperature`."""


class Translate(Frozen):
    """Machine translation of an intermediate arm's training data: by a model, or from files that hold it."""

    to: Annotated[OneOrMore, Field(min_length=1)]
    """Languages that the tasks are trained in, one or a list; the arm's own language stands for the originals."""
    model: str | None = None
    """Hub id or local folder of a sequence-to-sequence model, such as facebook/nllb-200-distilled-600M."""
    revision: str | None = None
    """Commit, tag or branch of a Hub model."""
    codes: dict[str, str] = {}
    """The model's own names of languages (`sw: swh_Latn`), where they are not those of NLLB-200, M2M100 or mBART-50."""
    files: dict[str, str] | None = None
    """By task: the file of its translations, relative to the recipe or below the data root; `{language}` is filled
    in."""
    unit: Literal["sentences", "whole"] = "sentences"
    """Whether texts are translated sentence by sentence, or at once."""
    beams: Positive = 1
    """Beams of the search; 1 is greedy. Nothing is sampled."""
    batch_size: Positive = 32
    """Texts that are translated together, at most."""
    max_length: Annotated[int, Field(ge=16, le=8192)] = 256
    """Sub-words that the model reads and writes, at most; an example with a longer unit is dropped."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Arithmetic of the matrix products, as in training."""
    threads: Positive = 1
    """Threads of the process that translates."""

    @model_validator(mode="after")
    def _one_source(self) -> "Translate":
        if (self.model is None) == (self.files is None):
            raise ValueError("translations come from a `model` or from `files`: give one of them")
        if self.files is not None and (self.revision or self.codes):
            raise ValueError("`revision` and `codes` are of a `model`: remove them beside `files`")
        return self


class Mlm(Frozen):
    """Masked-language modelling that goes on during intermediate training, alone or beside the tasks.

    Masks are drawn anew at every visit (Liu et al. 2019, arXiv 1907.11692, section 4.1). The head is the checkpoint's
    own where it has one, and its decoder is the table of word embeddings.
    """

    texts: Annotated[dict[str, str], Field(min_length=1)]
    """By language: a file relative to the recipe (.txt with a text on each line; .csv, .tsv, .jsonl or .parquet), or
    `hub:owner/name`, `hub:owner/name/configuration`, for the train split of a data set of the Hub. `{language}` in a
    configuration is filled in."""
    column: str = "text"
    """Column of the texts, where files have columns."""
    weight: Positive | None = None
    """Examples that all texts together count for against the tasks, before `sampling.cap`; as many as there are, where
    not given."""
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Languages are drawn in proportion to their number of texts to this power (Conneau et al. 2020, arXiv 1911.02116,
    section 3.1): 1 as they are, 0 alike."""
    masking: Rate = 0.15
    """Share of the sub-words that are masked; one of each text at least."""
    held_out: Positive = 200
    """Texts of each language, a tenth of them at most, on which perplexity is measured before and after."""


class Align(Frozen):
    """Alignment of one early layer before the tasks, by low-rank adaptation of its attention's query and value.

    A triplet loss on mean-pooled, L2-normalised vectors draws translations together (Ngugi 2025, arXiv 2506.15415).
    """

    task: str
    """Name of a retrieval task: shipped, or the recipe's own."""
    languages: tuple[str, ...] | None = None
    """Languages that are aligned with English; all of the task's where not given."""
    split: str = "dev"
    """Split of the trained pairs; never one that is scored."""
    layer: Positive = 2
    """The layer, counted from 1, that is adapted, and whose vectors are compared."""
    rank: Positive = 16
    alpha: Positive = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Dropout of the adapters' input."""
    margin: Annotated[float, Field(gt=0, le=2)] = 0.2
    """By how much the cosine of a translation must exceed that of every other sentence of the step."""
    held_out: Rate = 0.1
    """Share of the groups that is not trained on, but measured before and after."""
    max_pairs: Positive | None = None
    """Pairs of each language, at most."""
    train: Train = Train(learning_rate=1e-3)
    """Of the adapters; what it says of heads and frozen layers has no meaning here."""


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
    steps_of: str | None = None
    """Control: no intermediate task, but the target is trained for as many more steps as that arm took."""
    mlm: Mlm | None = None
    """Masked-language modelling beside the tasks, or alone."""
    align: Align | None = None
    """Alignment of one layer, before the tasks."""
    train: Train = Train()

    @model_validator(mode="after")
    def _one_kind(self) -> "Intermediate":
        if self.steps_of and self.trains:
            kind = next(name for name in ("tasks", "mlm", "align") if getattr(self, name))
            raise ValueError(f"`steps_of` is a control without {kind}: remove `{kind}` or `steps_of`")
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
    intermediates: tuple[str, ...] | None = None
    """Intermediate arms that this target is trained after; all where not given."""
    layer: NotNegative | None = None
    """Retrieval: layer of the representation; chosen with the untrained encoder where not given."""
    pooling: Literal["mean", "first"] | None = None
    """Retrieval: how tokens become one vector; chosen with the layer where not given, `mean` where that is given."""
    choose_on: str | None = None
    """Retrieval: a task on whose dev split layer and pooling are chosen, or `other-languages`, which chooses for each
    language on the scored items of all others. The task's own dev split, or that of `ui-bitext`, where not given."""
    choose_per_arm: bool = False
    """Retrieval: whether to score each arm also with the layer that its own encoder would have chosen."""
    train: Train = Train()


class Lora(Frozen):
    """Low-rank adapters on the attention of the trained layers."""

    rank: Positive = 8
    alpha: Positive = 16
    learning_rate: Rate = 1e-3


class Fewshot(Frozen):
    """Adaptation with k examples in the target language."""

    shots: tuple[Positive, ...] = (4,)
    """Ladder of k: examples per class for classification, sentences for tagging, items otherwise."""
    draws: Positive = 3
    """Numbered, nested, stratified samples of the shots; the same in every arm and seed."""
    methods: tuple[Method, ...] = ("full",)
    tasks: tuple[str, ...] | None = None
    """Targets that are adapted; every trained one where not given."""
    languages: tuple[str, ...] | None = None
    """Languages that are adapted; those of the target where not given."""
    intermediates: tuple[str, ...] | None = None
    """Intermediate arms that are adapted; all where not given."""
    selection: Selection = "none"
    """Fixed steps, best on English development data, or best on target-language data (an oracle)."""
    more_english: bool = False
    """Control: as many source-language examples instead of the shots."""
    without_target: bool = False
    """Control: shots on an encoder that was not trained on the target task in the source language."""
    lora: Lora = Lora()
    train: Train = Train(epochs=5, batch_size=16, learning_rate=2e-4, head_learning_rate=5e-4)


class Arm(Frozen):
    """One path through the graph, as a comparison names it."""

    intermediate: str
    shots: NotNegative = 0
    method: Method = "full"


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
    """By language: one file, or files by split (train, dev, test). Relative to the recipe."""
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

    of: Annotated[tuple[str, ...], Field(min_length=1)] = ("dev",)
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
