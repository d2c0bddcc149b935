"""Features, the tokenised inputs of a model, and helpers that all problems use to create them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xstilts.errors import DataError

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

IGNORE_INDEX = -100
"""The label that cross-entropy ignores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One model input. An example may have several features: windows of a context, or parts of a sentence.

    `example` is its index. `ids` and `types` are one sequence, or one per choice. `target` is a label index, one number
    per label or sub-word, or the first and last sub-word of an answer; None without labels. `words` are pairs of a
    sub-word position and the index of the word that it is tagged for. `offsets` are character offsets of the context's
    sub-words, and None for other sub-words.
    """

    example: int
    ids: tuple[list[int], ...]
    types: tuple[list[int], ...] | None = None
    target: int | list[int] | tuple[int, int] | None = None
    words: tuple[tuple[int, int], ...] = ()
    offsets: tuple[tuple[int, int] | None, ...] = ()
    images: tuple[str, ...] = ()
    """References of the images that are read with the text."""

    @property
    def length(self) -> int:
        """The number of sub-words, with padding between choices."""
        return max(map(len, self.ids)) * len(self.ids)


def encode_texts(
    tokenizer: "PreTrainedTokenizerBase", texts: list[str], pairs: Sequence[str | None], max_length: int
) -> list[tuple[list[int], list[int] | None]]:
    """Token ids and token types of texts, or of pairs if any text has a second one."""
    second = [pair or "" for pair in pairs] if pairs and any(pair is not None for pair in pairs) else None
    encoded = tokenizer(texts, second, truncation=True, max_length=min(max_length, tokenizer.model_max_length))
    types = encoded.get("token_type_ids")
    ids: list[list[int]] = encoded["input_ids"]  # type: ignore[assignment]
    return list(zip(ids, types if types else [None] * len(ids), strict=True))


def encode_single(tokenizer: "PreTrainedTokenizerBase", texts: list[str], max_length: int) -> list[Feature]:
    """One feature per text, without a target."""
    encoded = encode_texts(tokenizer, texts, (), max_length)
    return [
        Feature(example=row, ids=(ids,), types=(types,) if types else None) for row, (ids, types) in enumerate(encoded)
    ]


def token_types(encoded: "BatchEncoding", number: int) -> tuple[list[int], ...] | None:
    """The token types of one sequence; None if the tokenizer has none."""
    types = encoded.get("token_type_ids")
    return (types[number],) if types else None


def label_positions(labels: Sequence[str] | None) -> dict[str, int]:
    """The position of each label in the head's outputs."""
    return {label: position for position, label in enumerate(labels or ())}


def label_position(index: dict[str, int], label: str, example: str, language: str) -> int:
    """The position of an example's label in the head's outputs. Raises DataError if the head does not have it."""
    if label not in index:
        raise DataError(
            f"example {example} ({language}) has label {label!r}, which the training data lack",
            f"known labels: {', '.join(list(index)[:12])}",
        )
    return index[label]
