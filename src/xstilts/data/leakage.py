"""Checks that no scored example was trained on, by group, by text and by image."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from xstilts.errors import LeakError
from xstilts.problems import Example

MIN_WORDS = 8
"""Texts with fewer words are not compared, because they may be equal by chance."""

NOT_PHOTOGRAPHS = frozenset({"openmoji", "digits"})
"""Collections of drawings. No other collection contains their images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The groups and images of examples. An example that shares one of them is the same item, or a translation."""

    groups: frozenset[str]
    images: frozenset[str]

    @classmethod
    def of(cls, examples: Iterable[Example]) -> "Identity":
        examples = tuple(examples)
        return cls(groups=frozenset(example.group for example in examples), images=images_in(examples))

    def includes(self, example: Example) -> bool:
        return example.group in self.groups or not self.images.isdisjoint(example.shown_images)


def count_shared(train: Iterable[Identity], evaluation: Iterable[Example]) -> int:
    """The number of evaluation examples that share a group or an image with training data."""
    identities = tuple(train)
    return sum(any(identity.includes(example) for identity in identities) for example in evaluation)


def check_disjoint(
    train: Iterable[Example], evaluation: Iterable[Example], task: str = "", *, images: bool = True
) -> None:
    """Raises LeakError if a training example shares its group or an image with an evaluation example, in any language.

    Set `images` to False for splits that are used as published and may share images.
    """
    trained_groups: dict[str, Example] = {}
    trained_images: dict[str, Example] = {}
    for example in train:
        trained_groups[example.group] = example
        trained_images.update(dict.fromkeys(example.shown_images if images else (), example))
    for example in evaluation:
        if (trained := trained_groups.get(example.group)) is not None:
            raise _leak(task, f"the group {example.group!r}", trained, example)
        for image in example.shown_images:
            if (trained := trained_images.get(image)) is not None:
                raise _leak(task, f"the image {image!r}", trained, example)


def _leak(task: str, shared: str, trained: Example, scored: Example) -> LeakError:
    return LeakError(
        f"{f'task {task!r}: ' if task else ''}training and evaluation share {shared}: "
        f"example {trained.id!r} ({trained.language}) is trained on and "
        f"example {scored.id!r} ({scored.language}) is scored",
        "take shots and training data from the train split only",
    )


def images_in(examples: Iterable[Example]) -> frozenset[str]:
    """The references of all images in the examples."""
    return frozenset(image for example in examples for image in example.shown_images)


def collections_in(images: Iterable[str]) -> frozenset[str]:
    """The collections of image references."""
    return frozenset(image.partition(":")[0] for image in images)


def shared_images(trained: Collection[str], scored: Collection[str]) -> int | None:
    """The number of scored images that were trained on; None if the two have no collection in common, so that images
    cannot be compared."""
    if not collections_in(trained) & collections_in(scored):
        return None
    return len(set(trained) & set(scored))


def unmapped_images(trained: Collection[str], scored: Collection[str]) -> tuple[str, str] | None:
    """The photograph collections of the trained and of the scored images, if their images cannot be mapped to each
    other; None if every pair of images can be compared."""
    trained_names, scored_names = (sorted(collections_in(images) - NOT_PHOTOGRAPHS) for images in (trained, scored))
    if not trained_names or not scored_names or (trained_names == scored_names and len(trained_names) == 1):
        return None
    return ", ".join(trained_names), ", ".join(scored_names)


def long_texts(example: Example) -> Iterator[str]:
    """The texts of an example with `MIN_WORDS` words or more, with normalised case and white space."""
    for text in example.texts:
        words = text.casefold().split()
        if len(words) >= MIN_WORDS:
            yield " ".join(words)


def check_texts(trained: Collection[str], evaluation: Iterable[Example], task: str) -> None:
    """Raises LeakError if an evaluation example contains a long text that `task` was trained on, word for word."""
    for example in evaluation:
        for text in long_texts(example):
            if text in trained:
                raise LeakError(
                    f"{task!r} was trained on a text of example {example.id!r} ({example.language}), which is scored: "
                    f"{text[:80]!r}",
                    "remove that task, or score another split",
                )
