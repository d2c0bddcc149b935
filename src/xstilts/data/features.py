"""Converts examples to the token ids and images that a model reads."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from xstilts.platform.progress import report
from xstilts.problems import PROBLEMS, Example, ProblemName
from xstilts.problems.features import Feature

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def featurise(
    problem: ProblemName,
    examples: Sequence[Example],
    tokenizer: "PreTrainedTokenizerBase",
    labels: Sequence[str] | None,
    max_length: int,
    modality: str | None = None,
) -> list[Feature]:
    """Features of the examples, in order.

    `labels` are the head's classes (or tags), in the order of its outputs. With None, as in scoring, features have no
    labels: a language may have labels that were not in the training data. `modality` restricts a control to the text or
    the images. Raises DataError for an example whose label is not in `labels`.
    """
    report("tokenising", 0, len(examples))
    return encode(problem, examples, tokenizer, labels, max_length, modality)


def encode(
    problem: ProblemName,
    examples: Sequence[Example],
    tokenizer: "PreTrainedTokenizerBase",
    labels: Sequence[str] | None,
    max_length: int,
    modality: str | None = None,
) -> list[Feature]:
    """As `featurise`, for a part of the examples: it reports no progress."""
    features = PROBLEMS[problem].encode(examples, tokenizer, labels, max_length) if examples else []
    return hide(features, modality, tokenizer)


def hide(features: Sequence[Feature], modality: str | None, tokenizer: "PreTrainedTokenizerBase") -> list[Feature]:
    """The features without their images (modality: text), or with no text but special tokens (modality: images)."""
    if modality is None:
        return list(features)
    if modality == "text":
        return [replace(feature, images=()) for feature in features]
    empty = tokenizer("")
    ids, types = (empty["input_ids"],), (empty["token_type_ids"],) if "token_type_ids" in empty else None
    return [replace(feature, ids=ids, types=types) for feature in features]
