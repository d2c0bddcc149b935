"""The blocks of a recipe that say how something is done: training, sampling, adapters, masked texts, alignment,
translation."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

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
    micro_batch_tokens: Positive | None = None
    """Tokens, padding included, that go through the model at once, where memory is scarce: the gradients of a step's
    parts add up. All at once where not given, and where a loss compares the examples of a step (image retrieval,
    alignment) or episodes train side by side."""
    gradient_checkpointing: bool | None = None
    """Whether trained layers keep their inputs alone and are run again in the backward pass: less memory, a third more
    arithmetic."""
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
    activations_gb: Annotated[float, Field(gt=0)] | None = None
    """Gigabytes of a file, in the folder that TMPDIR names, for what frozen layers give of a split where that is more
    than the 1 GB that is kept in memory. Where it does not fit, or none are given, frozen layers run in every step."""
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

    def shares(self, sizes: Sequence[int]) -> list[float]:
        """Probability of each task, from its number of examples.

        Proportional with a cap and temperature as in Raffel et al. (2020, arXiv 1910.10683, section 3.5.2).
        """
        power = {"proportional": 1.0, "temperature": 1 / self.temperature, "uniform": 0.0}[self.by]
        counts = [min(size, self.cap) ** power for size in sizes]
        total = sum(counts)
        return [count / total for count in counts]


class Fusion(Frozen):
    """How a text encoder reads images, where the encoder is named text+vision."""

    layer: NotNegative | None = None
    """The first layer, counted from 0, that reads text and images together; half-way up where not given. Layers below
    read the text alone, so that they can stay frozen and be run once."""
    size: Annotated[int, Field(ge=16, le=1024)] = 128
    """Pixels of an image's sides as the vision encoder sees it."""
    grid: Annotated[int, Field(ge=1, le=32)] = 2
    """An image becomes grid x grid tokens."""


class Lora(Frozen):
    """Low-rank adapters on the attention of the trained layers."""

    rank: Positive = 8
    alpha: Positive = 16
    learning_rate: Rate = 1e-3


class Lda(Frozen):
    """Linear discriminant analysis on the encoder's states, means over sub-words for classes, single ones for tags."""

    shrinkage: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Part of the covariance that is a multiple of the identity."""


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
