"""Spans of BIO tags, and their statistics by sentence."""

import warnings
from collections.abc import Sequence

import numpy as np

_BARE = frozenset("OBIES")
"""Tags without a type."""


def span_statistics(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> dict[str, list[float]]:
    """Numbers of correct, predicted and gold spans, and of correct and all tokens, per pair of gold and predicted
    tags."""
    gold = [[_with_prefix(tag) for tag in tags] for tags, _ in pairs]
    predicted = [[_with_prefix(tag) for tag in tags] for _, tags in pairs]
    gold_spans, predicted_spans = _spans(gold), _spans(predicted)
    # a span belongs to the sentence it ends in; seqeval puts one O after every sentence
    ends = np.cumsum([len(tags) + 1 for tags in gold])

    def per_sentence(spans: set[tuple[str, int, int]]) -> list[float]:
        sentences = np.searchsorted(ends, [end for _, _, end in spans], side="right")
        return np.bincount(sentences, minlength=len(gold)).astype(float).tolist()

    return {
        "true_positive": per_sentence(gold_spans & predicted_spans),
        "predicted_spans": per_sentence(predicted_spans),
        "gold_spans": per_sentence(gold_spans),
        "correct_tokens": [float(sum(a == b for a, b in zip(*pair, strict=True))) for pair in pairs],
        "tokens": [float(len(tags)) for tags in gold],
    }


def _spans(sentences: list[list[str]]) -> set[tuple[str, int, int]]:
    """(type, start, end) over the concatenated sentences, in seqeval's default mode, as in XTREME's evaluation."""
    # seqeval loads scikit-learn, which takes a second
    from seqeval.metrics.sequence_labeling import get_entities

    if not sentences:
        return set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return set(get_entities(sentences))


def _with_prefix(tag: str) -> str:
    """The tag with a prefix. XTREME scores part-of-speech tags as spans too: its seqeval 0.0.12 takes a tag without a
    prefix as the type, but seqeval 1.2.2 removes the first letter, so that CCONJ and SCONJ would be one type. It also
    gives O the type "_", so an untagged word, "_", gets another one."""
    if tag == "_":
        return "_-__"
    return tag if "-" in tag or tag in _BARE else f"{tag[0]}-{tag}"
