"""Tokenisation statistics of a language, which can explain low scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xstilts.formats.words import split_words
from xstilts.problems import Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStatistics:
    """`unknown_rate` is the share of unknown sub-words, `truncated_rate` the share of truncated texts (0 to 1)."""

    unknown_rate: float
    tokens_per_word: float
    truncated_rate: float


def text_statistics(
    examples: Sequence[Example], tokenizer: "PreTrainedTokenizerBase", max_length: int, *, truncates: bool = True
) -> TextStatistics:
    """Statistics over the texts of the examples. Set `truncates` to False if long texts are split, not truncated."""
    texts = [text for example in examples for text in example.model_texts]
    if not texts:
        return TextStatistics(unknown_rate=0.0, tokens_per_word=0.0, truncated_rate=0.0)
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]  # type: ignore[assignment]
    tokens = sum(map(len, ids))
    unknown = sum(token == tokenizer.unk_token_id for row in ids for token in row)
    words = sum(len(split_words(text)) for text in texts)
    max_tokens = min(max_length, tokenizer.model_max_length) - tokenizer.num_special_tokens_to_add()
    truncated = sum(len(row) > max_tokens for row in ids) if truncates else 0
    return TextStatistics(
        unknown_rate=unknown / max(1, tokens),
        tokens_per_word=tokens / max(1, words),
        truncated_rate=truncated / len(texts),
    )
