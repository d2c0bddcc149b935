"""What the tokenizer makes of a language: it explains failures that no training mends."""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from xstilts.problems.examples import Caption, Choice, Example, ImageText, Labelled, Parallel, Sentence, Span, Tagged
from xstilts.problems.words import split_words


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStatistics:
    """`unknown_rate` of sub-words and `truncated_rate` of texts lie between 0 and 1; `tokens_per_word` above 1."""

    unknown_rate: float
    tokens_per_word: float
    truncated_rate: float


def text_statistics(examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, max_length: int) -> TextStatistics:
    """Rates over the examples. Spans and tagged sentences are cut into windows and parts, so never truncated."""
    texts = [text for example in examples for text in _texts(example)]
    if not texts:
        return TextStatistics(unknown_rate=0.0, tokens_per_word=0.0, truncated_rate=0.0)
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]  # type: ignore[assignment]
    tokens = sum(map(len, ids))
    unknown = sum(token == tokenizer.unk_token_id for row in ids for token in row)
    words = sum(len(split_words(text)) for text in texts)
    whole = isinstance(examples[0], Span | Tagged)
    longest = min(max_length, tokenizer.model_max_length) - tokenizer.num_special_tokens_to_add()
    cut = 0 if whole else sum(len(row) > longest for row in ids)
    return TextStatistics(
        unknown_rate=unknown / max(1, tokens),
        tokens_per_word=tokens / max(1, words),
        truncated_rate=cut / len(texts),
    )


def _texts(example: Example) -> tuple[str, ...]:
    """The texts of an example, each as long as what the model reads at once; the foreign side of a pair."""
    match example:
        case Labelled():
            return (f"{example.text} {example.pair}" if example.pair else example.text,)
        case Choice():
            return tuple(f"{example.prompt} {choice}" for choice in example.choices)
        case Span():
            return (example.context,)
        case Tagged():
            return (" ".join(example.words),)
        case Parallel() | Sentence() | ImageText() | Caption():
            return (example.text,)
    raise TypeError(f"{type(example).__name__} is no example of a problem")
