"""Predictions that depend on the labels of the training data only."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from xstilts.errors import DataError
from xstilts.problems.base import Example


def most_frequent(values: Iterable[Any]) -> Any:
    """The most frequent value, the smallest on ties. Raises DataError without values."""
    counts = Counter(values)
    if not counts:
        raise DataError("no example of the training data has a label", "give the rows of the training split labels")
    return min(counts, key=lambda value: (-counts[value], value))


def most_frequent_of(training: Sequence[Example]) -> Any:
    """The most frequent target of the examples; unlabelled ones are ignored. Raises DataError if none is labelled."""
    return most_frequent(example.target for example in training if example.target is not None)


class TagLexicon:
    """The most frequent tag of each word: of the word as it is, else of its case-folded form, else of all words."""

    def __init__(self, sentences: Iterable[tuple[Sequence[str], Sequence[str]]]) -> None:
        """`sentences` are words and their tags. Raises DataError without any."""
        exact: dict[str, list[str]] = defaultdict(list)
        folded: dict[str, list[str]] = defaultdict(list)
        for words, tags in sentences:
            for word, tag in zip(words, tags, strict=True):
                exact[word].append(tag)
                folded[word.casefold()].append(tag)
        self._default: str = most_frequent(tag for tags in exact.values() for tag in tags)
        self._exact: dict[str, str] = {word: most_frequent(tags) for word, tags in exact.items()}
        self._folded: dict[str, str] = {word: most_frequent(tags) for word, tags in folded.items()}

    def tag(self, word: str) -> str:
        return self._exact.get(word, self._folded.get(word.casefold(), self._default))
