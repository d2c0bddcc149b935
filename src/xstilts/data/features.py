"""Examples become what a model reads, by the hook of their problem."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

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
    """Features of the examples, in order. `labels` are the head's classes (or tags), in the order of its outputs;
    None leaves them out, as scoring does: a language may have labels that the head never saw. A control may read the
    text or the images alone, as its `modality`.

    Raises DataError where an example has a label that the head does not know.
    """
    features = PROBLEMS[problem].encode(examples, tokenizer, labels, max_length) if examples else []
    return hide(features, modality, tokenizer)


def hide(features: Sequence[Feature], modality: str | None, tokenizer: "PreTrainedTokenizerBase") -> list[Feature]:
    """The features without their images (modality: text), or with no text but special tokens (modality: images)."""
    if modality is None:
        return list(features)
    if modality == "text":
        return [replace(feature, images=()) for feature in features]
    bare = tokenizer("")
    ids, types = (bare["input_ids"],), (bare["token_type_ids"],) if "token_type_ids" in bare else None
    return [replace(feature, ids=ids, types=types) for feature in features]
