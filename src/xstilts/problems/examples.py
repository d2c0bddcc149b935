"""One frozen example per shape of task. Every example carries its id, its language and its group.

`id` is unique within a task and language. `group` names what the example belongs to (template, country, English
string, passage): the unit of splitting and of resampling, the same in every language.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    id: str
    group: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled(Example):
    """A text, or a pair of texts, with one label. `label` is None where the split has no labels."""

    text: str
    pair: str | None = None
    label: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Example):
    """A prompt and its candidate answers; `answer` is the index of the right one."""

    prompt: str
    choices: tuple[str, ...]
    answer: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A span of a context: its text and the offset of its first character."""

    text: str
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span(Example):
    """A question over a context. An empty tuple of answers means unanswerable, None means unlabelled."""

    question: str
    context: str
    answers: tuple[Answer, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged(Example):
    """Words and, one for each, their tags (BIO where the tags are spans)."""

    words: tuple[str, ...]
    tags: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel(Example):
    """A sentence in `language` and its English translation."""

    text: str
    english: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence(Example):
    """A sentence of two collections, one in `language` and one in English, of which some translate each other.

    `english` says which collection it is of. `partners` are the ids of its translations in the other one; an empty
    tuple means that it has none, None means unlabelled.
    """

    text: str
    english: bool
    partners: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageText(Example):
    """A text about one image, or about several together, with one label. `label` is None where there are no labels.

    An image is a reference `collection:name`, such as `flickr30k:1007129816`: what it is, wherever it lies.
    """

    text: str
    images: tuple[str, ...]
    label: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption(Example):
    """A text that describes an image; the same image may have several."""

    text: str
    image: str


def images_of(example: Example) -> tuple[str, ...]:
    """References of the images that an example shows."""
    match example:
        case ImageText():
            return example.images
        case Caption():
            return (example.image,)
        case _:
            return ()
