"""Spans that tags mark, and their statistics by sentence."""

import warnings
from collections.abc import Sequence

import numpy as np

_BARE = frozenset("OBIES")


def span_statistics(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> dict[str, list[float]]:
    """Of each sentence, from its gold and predicted tags: spans that are right, predicted and gold; tokens."""
    gold, predicted = (
        [[_typed(tag) for tag in tags] for tags, _ in pairs],
        [[_typed(tag) for tag in tags] for _, tags in pairs],
    )
    right, guessed = _spans(gold), _spans(predicted)
    # a span belongs to the sentence it ends in; seqeval puts one O after every sentence
    ends = np.cumsum([len(tags) + 1 for tags in gold])

    def per_sentence(spans: set[tuple[str, int, int]]) -> list[float]:
        sentences = np.searchsorted(ends, [end for _, _, end in spans], side="right")
        return np.bincount(sentences, minlength=len(gold)).astype(float).tolist()

    return {
        "true_positive": per_sentence(right & guessed),
        "predicted_spans": per_sentence(guessed),
        "gold_spans": per_sentence(right),
        "correct_tokens": [float(sum(a == b for a, b in zip(*pair, strict=True))) for pair in pairs],
        "tokens": [float(len(tags)) for tags in gold],
    }


def _spans(sentences: list[list[str]]) -> set[tuple[str, int, int]]:
    """(type, start, end) over all sentences in a row, in seqeval's default mode, as XTREME scores them."""
    # seqeval loads scikit-learn, which takes a second
    from seqeval.metrics.sequence_labeling import get_entities

    if not sentences:
        return set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return set(get_entities(sentences))


def _typed(tag: str) -> str:
    """XTREME scores part-of-speech tags as spans too; its seqeval 0.0.12 took a tag without prefix as the type,
    1.2.2 cuts off the first letter unless there is a prefix."""
    return tag if "-" in tag or tag in _BARE else f"{tag[0]}-{tag}"
