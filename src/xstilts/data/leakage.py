"""Whether what is scored was trained on: by group, by the texts themselves, and by the images."""

from collections.abc import Collection, Iterable, Iterator

from xstilts.errors import LeakError
from xstilts.problems import Example

MIN_WORDS = 8
"""Words of a text, at least, by which alone an item is recognised: shorter ones recur by chance."""


NOT_PHOTOGRAPHS = frozenset({"openmoji", "digits"})
"""Collections of pictures that are no photographs, so that no other collection holds them."""


def check_disjoint(
    train: Iterable[Example], evaluation: Iterable[Example], task: str = "", *, images: bool = True
) -> None:
    """Raises LeakError if an example to train on shares its group or an image with one to be scored, in any language.

    Without `images`, groups alone are compared: for splits that are used as published, whatever they share.
    """
    groups: dict[str, Example] = {}
    shown: dict[str, Example] = {}
    for example in train:
        groups[example.group] = example
        shown.update(dict.fromkeys(example.shown_images if images else (), example))
    for example in evaluation:
        if (trained := groups.get(example.group)) is not None:
            raise _leak(task, f"the group {example.group!r}", trained, example)
        for image in example.shown_images:
            if (trained := shown.get(image)) is not None:
                raise _leak(task, f"the image {image!r}", trained, example)


def _leak(task: str, shared: str, trained: Example, scored: Example) -> LeakError:
    return LeakError(
        f"{f'task {task!r}: ' if task else ''}training and evaluation share {shared}: "
        f"example {trained.id!r} ({trained.language}) is trained on and "
        f"example {scored.id!r} ({scored.language}) is scored",
        "take shots and training data from the train split only",
    )


def images_in(examples: Iterable[Example]) -> frozenset[str]:
    """References of all images that examples show."""
    return frozenset(image for example in examples for image in example.shown_images)


def collections_in(images: Iterable[str]) -> frozenset[str]:
    """The collections that images are of."""
    return frozenset(image.partition(":")[0] for image in images)


def shared_images(trained: Collection[str], scored: Collection[str]) -> int | None:
    """How many of the scored images were trained on; None where they have no collection in common, so that none could
    be recognised."""
    if not collections_in(trained) & collections_in(scored):
        return None
    return len(set(trained) & set(scored))


def unmapped_images(trained: Collection[str], scored: Collection[str]) -> tuple[str, str] | None:
    """The collections of photographs on either side that the other lacks or cannot be mapped to, by name; None where
    every pair of images can be compared."""
    ours, theirs = (sorted(collections_in(images) - NOT_PHOTOGRAPHS) for images in (trained, scored))
    if not ours or not theirs or (ours == theirs and len(ours) == 1):
        return None
    return ", ".join(ours), ", ".join(theirs)


def long_texts(example: Example) -> Iterator[str]:
    """The texts of an example that have `MIN_WORDS` words or more, without regard to case and spaces."""
    for text in example.texts:
        words = text.casefold().split()
        if len(words) >= MIN_WORDS:
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
