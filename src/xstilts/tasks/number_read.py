"""Which number from 0 to 99 two handwritten digits show: an image-only task with a constant English prompt."""

from collections.abc import Iterator, Mapping

from xstilts.problems import ImageText
from xstilts.tasks import _numbers as numbers
from xstilts.tasks._image_wheels import DIGITS
from xstilts.tasks.task import Paths, Task, measured_sizes

PAIRS_PER_NUMBER = {"train": 200, "dev": 5, "test": 10}
"""Image pairs per number."""
PROMPT = "number"


def read(paths: Paths, language: str) -> Mapping[str, Iterator[ImageText]]:
    return {split: number_items(paths, language, split) for split in PAIRS_PER_NUMBER}


def number_items(paths: Paths, language: str, split: str) -> Iterator[ImageText]:
    """One item per image pair, which is its id and group."""
    for pair in numbers.shown_numbers(paths, split, PAIRS_PER_NUMBER[split]):
        yield ImageText(
            id=pair.name, group=pair.name, language=language, text=PROMPT, images=pair.images, label=str(pair.number)
        )


TASK = Task(
    name="number-read",
    problem="image-text",
    suite=("embedded-images",),
    languages=("en",),
    sources=(DIGITS,),
    read=read,
    fractions=numbers.FRACTIONS,
    images=(numbers.COLLECTION,),
    licence=numbers.LICENCE_OF_DIGITS,
    citation=numbers.CITATION_OF_DIGITS,
    url=numbers.URL,
    weaknesses=(
        *numbers.WEAKNESSES,
        f'the text is always the English word "{PROMPT}", so it requires no language understanding',
    ),
    split_family=numbers.FAMILY,
    sizes=measured_sizes("number-read"),
)
