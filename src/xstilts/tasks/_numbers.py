"""Numbers from 0 to 99: shown as two handwritten digits (from scikit-learn), spelled out by CLDR's rules.

`number-verify` and `number-read` share one split of the digits: no image of a digit is in two splits.
"""

import csv
import gzip
import io
import random
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from unicode_rbnf import RbnfEngine

from xstilts.cache.sources import Library
from xstilts.config.splits import assign
from xstilts.tasks._image_wheels import DIGITS, DIGITS_TABLE
from xstilts.tasks.task import Paths

COLLECTION = "digits"
SPELLING = Library.installed("unicode-rbnf")
FAMILY = "numbers"
FRACTIONS = {"train": 0.6, "dev": 0.1, "test": 0.3}
"""Fractions of the images of single digits."""
NUMBERS = range(100)
MAX_PAIRS = 200
"""The maximum number of image pairs per number."""
LICENCE_OF_DIGITS = "BSD-3-Clause (scikit-learn); CC BY 4.0 (the digits, at UCI)"
CITATION_OF_DIGITS = (
    "Digits: Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI; the 1,797 of its test part, as "
    "shipped in scikit-learn"
)
URL = "https://archive.ics.uci.edu/dataset/80"
WEAKNESSES = ("digits are images of 8 x 8 pixels; numbers below ten have a leading zero",)

_RULES = "spellout-numbering"
_NAMES = {"nb": "no"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNumber:
    """A number shown as two images: the table rows of its tens digit and its units digit."""

    number: int
    rows: tuple[int, int]

    @property
    def images(self) -> tuple[str, ...]:
        return tuple(f"{COLLECTION}:{row}" for row in self.rows)

    @property
    def name(self) -> str:
        return "+".join(map(str, self.rows))


def shown_numbers(paths: Paths, split: str, each: int) -> Iterator[ShownNumber]:
    """`each` different image pairs of every number: one pair of every number, then a second pair of each, and so on.

    The result for a smaller `each` is a prefix of that for a larger one.
    """
    pairs = _pairs(paths[DIGITS.package])[split]
    for turn in range(each):
        for number in NUMBERS:
            yield ShownNumber(number=number, rows=pairs[number][turn])


def digits(path: Path) -> tuple[int, ...]:
    """The digit that each image shows, from the wheel with the images."""
    with zipfile.ZipFile(path) as archive:
        table = gzip.decompress(archive.read(DIGITS_TABLE)).decode()
    return tuple(int(float(row[-1])) for row in csv.reader(io.StringIO(table)))


@cache
def _pairs(path: Path) -> Mapping[str, Mapping[int, list[tuple[int, int]]]]:
    """Up to `MAX_PAIRS` different image pairs by split and number."""
    rows: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row, digit in enumerate(digits(path)):
        rows[assign(str(row), FRACTIONS, FAMILY), digit].append(row)
    return {
        split: {
            number: _sample_pairs(f"{split}|{number}", *(rows[split, digit] for digit in divmod(number, 10)))
            for number in NUMBERS
        }
        for split in FRACTIONS
    }


def _sample_pairs(seed: str, tens: list[int], units: list[int]) -> list[tuple[int, int]]:
    pairs = [(ten, unit) for ten in tens for unit in units if ten != unit]
    return random.Random(seed).sample(pairs, min(MAX_PAIRS, len(pairs)))


@cache
def words(language: str) -> tuple[str, ...]:
    """The words for 0 to 99, without the zero-width spaces that some languages use within words."""
    engine = RbnfEngine.for_language(_NAMES.get(language, language))
    spelled = (engine.format_number(number, ruleset_names=[_RULES]).text for number in NUMBERS)
    return tuple(" ".join(word.replace("\u200b", "").split()) for word in spelled)
