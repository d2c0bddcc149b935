"""Blocks of a recipe: training, sampling, fusion, adapters, MLM, alignment, translation."""

from collections.abc import Sequence
from typing import Annotated, Literal, LiteralString

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(gt=0, lt=1)]
HeadStyle = Literal["pooled", "native"]
"""A linear layer on the pooled state of a text, or the head that the encoder's architecture has in transformers."""
HeadStart = Literal["closed-form", "random"]
RANDOM_HEAD_RATE = 1e-3
OneOrMore = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def invalid(code: LiteralString, message: str, hint: str) -> PydanticCustomError:
    """An error of a block, to be raised by a validator. `code` is one of `recipe.issues`."""
    return PydanticCustomError(code, "{message}; {hint}", {"message": message, "hint": hint})


class Train(Frozen):
    """Training settings of a stage. All of them are part of its cache key."""

    epochs: Annotated[float, Field(gt=0)] = 10.0
    """Passes over the training data; ignored if `steps` is set."""
    steps: Positive | None = None
    """Optimiser steps."""
    batch_size: Positive = 32
    """Maximum number of examples per step."""
    batch_tokens: Positive = 4096
    """Maximum number of tokens per step, padding included; a longer example gets its own step."""
    micro_batch_tokens: Positive | None = None
    """Saves memory: each step is split into micro-batches of at most this many tokens (padding included), and gradients
    are accumulated. Ignored if the loss compares the examples of a step (image retrieval, alignment) or if few-shot
    episodes are trained in one batched program."""
    gradient_checkpointing: bool | None = None
    """Recompute activations in the backward pass: less memory, about a third more compute."""
    learning_rate: Rate = 3e-5
    """Peak learning rate of the encoder."""
    head_learning_rate: Rate | Literal["auto"] | None = "auto"
    """Peak learning rate of the head; null means that of the encoder. `auto` is ten times that of the encoder for a
    head that starts as the closed-form solution, and 1e-3 for a random one."""
    head_start: HeadStart = "closed-form"
    """Weights of a new pooled or tagging head of classes or labels before training: the closed-form head of the
    encoder's states (linear probing before fine-tuning: Kumar et al. 2022, arXiv 2202.10054), or random. Other heads
    start random."""
    refit: Annotated[bool, Field(exclude_if=lambda value: value is False)] = False
    """Only for targets: after training, solve the head in closed form (as `head_start` does) on the trained encoder's
    states of all training examples, and use it instead of the trained one."""
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Weight decay of AdamW; not applied to biases and normalisation."""
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Fraction of the steps with linear warm-up; then linear decay to zero."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Maximum gradient norm; larger gradients are clipped."""
    max_length: Annotated[int, Field(ge=16, le=8192)] = 128
    """Maximum sub-words per input. Longer texts are truncated; longer tagged sentences and contexts are split."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Precision of matrix products; weights and optimiser states are fp32. `auto` selects the faster one for this kind
    of machine, and the selected precision is part of the cache key."""
    frozen_layers: NotNegative = 0
    """Number of frozen lower layers. If it is not 0, the embeddings are frozen too."""
    freeze_embeddings: bool = False
    """Freeze the embeddings."""
    activation_cache_gb: Annotated[float, Field(gt=0)] | None = None
    """Maximum size in GB of a file (in the folder TMPDIR) with the cached output of frozen layers, used if a split
    needs more than the 1 GB kept in memory. If it does not fit, or no size is set, frozen layers run in every step."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Dropout of the trained layers and the head; default: that of the encoder."""
    threads: Positive = 1
    """Threads of the training process. Two stages with one thread each are faster than one stage with two."""
    evaluations: Positive = 5
    """Number of evaluations on development data if a checkpoint is selected on it."""
    patience: Positive | None = None
    """Stop after this many evaluations in a row without a better score. Only where a checkpoint is selected on
    development data. The schedule of the learning rate stays that of all steps."""

    def started(self, head_start: HeadStart) -> "Train":
        """The settings with the head's learning rate in place of `auto`."""
        if self.head_learning_rate != "auto":
            return self
        rate = min(10 * self.learning_rate, 0.5) if head_start == "closed-form" else RANDOM_HEAD_RATE
        return self.model_copy(update={"head_learning_rate": rate})


class Sampling(Frozen):
    """How the task of each step is sampled in multi-task training."""

    by: Literal["proportional", "temperature", "uniform"] = "proportional"
    """Proportional to size, to size ** (1 / temperature), or uniform."""
    cap: Positive = 131072
    """Maximum size that a task counts for."""
    temperature: Annotated[float, Field(ge=1)] = 5.0
    """Only with `by: temperature`."""

    def shares(self, sizes: Sequence[int]) -> list[float]:
        """Probability of each task, from its number of examples.

        Proportional with a cap and temperature as in Raffel et al. (2020, arXiv 1910.10683, section 3.5.2).
        """
        power = {"proportional": 1.0, "temperature": 1 / self.temperature, "uniform": 0.0}[self.by]
        counts = [min(size, self.cap) ** power for size in sizes]
        total = sum(counts)
        return [count / total for count in counts]


class Fusion(Frozen):
    """How images enter the text encoder of a TEXT+VISION encoder."""

    layer: NotNegative | None = None
    """First layer, counted from 0, that reads text and images together; default: the middle layer. Layers below it read
    only text, so they can be frozen and run once."""
    image_size: Annotated[int, Field(ge=16, le=1024)] = 128
    """Width and height of images for the vision encoder, in pixels."""
    grid: Annotated[int, Field(ge=1, le=32)] = 2
    """An image becomes grid x grid tokens."""


class Mlm(Frozen):
    """Masked-language modelling (MLM) in intermediate training, alone or together with tasks.

    Masking is dynamic (Liu et al. 2019, arXiv 1907.11692, section 4.1). The head is the checkpoint's own if it has one;
    its decoder is tied to the word embeddings.
    """

    texts: Annotated[dict[str, str], Field(min_length=1)]
    """By language: a file relative to the recipe (.txt with one text per line, or a table such as .csv or .jsonl), or
    `hub:owner/name` or `hub:owner/name/configuration` for the train split of a data set on the Hub. `{language}` in a
    configuration is replaced."""
    column: str = "text"
    """Column with the texts, for files with columns."""
    weight: Positive | None = None
    """Size that all texts together count for in `sampling`, before its cap; default: their number."""
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Languages are sampled in proportion to (number of texts) ** alpha (Conneau et al. 2020, arXiv 1911.02116, section
    3.1): 1 is proportional, 0 is uniform."""
    masking_rate: Rate = 0.15
    """Fraction of sub-words that are masked; at least one per text."""
    held_out: Positive = 200
    """Maximum number of held-out texts per language (and at most a tenth of them), for perplexity before and after."""


class Unlabelled(Frozen):
    """Unlabelled texts in the scored languages, for text classification with `lda`, `logreg` and `frozen`.

    With fewer than four shots per class, the difference of their mean state to that of the English examples, shrunk by
    the James-Stein factor, is subtracted from all states of the language.
    """

    texts: Annotated[dict[str, str], Field(min_length=1)]
    """By language: a file or a data set on the Hub, as in `mlm`. At least 100 texts per language."""
    column: str = "text"
    """Column with the texts, for files with columns."""


class Align(Frozen):
    """Alignment of one early layer before the tasks, with low-rank adapters on the query and value of its attention.

    The loss is a triplet loss on mean-pooled, L2-normalised vectors of translations (Ngugi 2025, arXiv 2506.15415).
    """

    task: str
    """Name of a retrieval task: shipped, or defined in the recipe."""
    languages: tuple[str, ...] | None = None
    """Languages that are aligned with English; default: all languages of the task."""
    split: str = "dev"
    """Split of the training pairs. It must not be scored."""
    layer: Positive = 2
    """The layer, counted from 1, that is adapted and whose vectors are compared."""
    rank: Positive = 16
    alpha: Positive = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Dropout on the input of the adapters."""
    margin: Annotated[float, Field(gt=0, le=2)] = 0.2
    """Triplet margin: how much the cosine of a translation must exceed that of all other sentences of the step."""
    held_out: Rate = 0.1
    """Fraction of groups that is held out and measured before and after."""
    max_pairs: Positive | None = None
    """Maximum number of pairs per language."""
    train: Train = Train(learning_rate=1e-3)
    """Training settings of the adapters. Settings for heads and frozen layers are ignored."""


class Translate(Frozen):
    """Machine-translated training data for an intermediate arm: from a model, or from files with translations."""

    to: Annotated[OneOrMore, Field(min_length=1)]
    """Training languages, one or a list. The arm's own language means the originals."""
    model: str | None = None
    """Hub id or local folder of a sequence-to-sequence model, such as facebook/nllb-200-distilled-600M."""
    revision: str | None = None
    """Commit, tag or branch of a Hub model."""
    codes: dict[str, str] = {}
    """Language codes of the model (`sw: swh_Latn`), if they are not those of NLLB-200, M2M100 or mBART-50."""
    files: dict[str, str] | None = None
    """By task: the file with its translations, relative to the recipe or data root. `{language}` is replaced."""
    unit: Literal["sentences", "whole"] = "sentences"
    """Translate sentence by sentence, or each text as a whole."""
    beams: Positive = 1
    """Beam size; 1 is greedy decoding. There is no sampling."""
    batch_size: Positive = 32
    """Maximum number of texts per batch."""
    max_length: Annotated[int, Field(ge=16, le=8192)] = 256
    """Maximum number of sub-words of input and output. Examples with a longer unit are dropped."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Precision of matrix products, as in training."""
    threads: Positive = 1
    """Threads of the translation process."""

    @model_validator(mode="after")
    def _one_source(self) -> "Translate":
        if (self.model is None) == (self.files is None):
            message = "translations come either from a `model` or from `files`"
            raise invalid("conflicting-keys", message, "give one of the two")
        if self.files is not None and (self.revision or self.codes):
            message = "`revision` and `codes` describe a `model`, but translations come from `files`"
            raise invalid("conflicting-keys", message, "remove them")
        return self
