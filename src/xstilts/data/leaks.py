"""Whether what is scored was trained on: by group, and by the texts themselves."""

from collections.abc import Collection, Iterable, Iterator

from xstilts.errors import LeakError
from xstilts.examples import Caption, Choice, Example, ImageText, Labelled, Parallel, Sentence, Span, Tagged

LONG = 8
"""Words of a text, at least, by which alone an item is recognised: shorter ones recur by chance."""


def check_disjoint(train: Iterable[Example], evaluation: Iterable[Example], task: str = "") -> None:
    """Raises LeakError if an example to train on shares its group with one to be scored, in any language."""
    seen = {example.group: example for example in train}
    for example in evaluation:
        if (trained := seen.get(example.group)) is not None:
            raise LeakError(
                f"{f'task {task!r}: ' if task else ''}training and evaluation share the group {example.group!r}: "
                f"example {trained.id!r} ({trained.language}) is trained on and "
                f"example {example.id!r} ({example.language}) is scored",
                "take shots and training data from the train split only",
            )


def long_texts(example: Example) -> Iterator[str]:
    """The texts of an example that have `LONG` words or more, without regard to case and spaces."""
    for text in _texts(example):
        words = text.casefold().split()
        if len(words) >= LONG:
            yield " ".join(words)


def check_texts(trained: Collection[str], evaluation: Iterable[Example], task: str) -> None:
    """Raises LeakError if an example to be scored has a long text that `task` was trained on, word for word."""
    for example in evaluation:
        for text in long_texts(example):
            if text in trained:
                raise LeakError(
                    f"{task!r} was trained on a text of example {example.id!r} ({example.language}), which is scored: "
                    f"{text[:80]!r}",
                    "leave that task out, or score another split",
                )


def _texts(example: Example) -> tuple[str, ...]:
    match example:
        case Labelled():
            return (example.text, example.pair or "")
        case Choice():
            return (example.prompt,)
        case Span():
            return (example.context, example.question)
        case Tagged():
            return (" ".join(example.words),)
        case Parallel():
            return (example.text, example.english)
        case Sentence() | ImageText() | Caption():
            return (example.text,)
        case _:
            raise TypeError(f"{type(example).__name__} is no example of a problem")
