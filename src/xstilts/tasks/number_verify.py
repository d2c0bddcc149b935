"""Whether a spelled-out number is the one that two handwritten digits show: true or false, in 78 languages."""

from collections.abc import Iterator, Mapping
from functools import cache

from xstilts.problems import ImageText
from xstilts.tasks import _numbers as numbers
from xstilts.tasks._image_wheels import DIGITS
from xstilts.tasks._pairing import digest, pair_up
from xstilts.tasks.task import Paths, Task, measured_sizes

TRUE, FALSE = "true", "false"
PAIRS_PER_NUMBER = {"train": 10, "dev": 2, "test": 5}
"""Image pairs per number; each pair occurs once with the right and once with a wrong number."""
ENGLISH_PAIRS_PER_NUMBER = PAIRS_PER_NUMBER | {"train": 100}
DIFFERENCE_KINDS = ("tens", "units", "both", "swapped")
"""How a wrong number differs from the one that is shown."""


def read(paths: Paths, language: str) -> Mapping[str, Iterator[ImageText]]:
    each = ENGLISH_PAIRS_PER_NUMBER if language == "en" else PAIRS_PER_NUMBER
    return {split: number_items(paths, language, split, count) for split, count in each.items()}


def number_items(paths: Paths, language: str, split: str, each: int) -> Iterator[ImageText]:
    """Two items per image pair: with its number word, and with the word of another number.

    Images and numbers are the same in every language. Every word is right and wrong equally often. id = image pair and
    stated number, group = image pair.
    """
    words = numbers.words(language)
    for turn, pair in enumerate(numbers.shown_numbers(paths, split, each)):
        wrong = wrong_numbers(split, turn // len(words))[pair.number]
        for number, label in ((pair.number, TRUE), (wrong, FALSE)):
            yield ImageText(
                id=f"{pair.name}={number}",
                group=pair.name,
                language=language,
                text=words[number],
                images=pair.images,
                label=label,
            )


@cache
def wrong_numbers(split: str, turn: int) -> Mapping[int, int]:
    """A wrong number for every number, each used once; the four kinds of difference are about equally frequent."""
    salt = f"{numbers.FAMILY}|{split}|{turn}"

    def preferred(shown: int, other: int) -> bool:
        return (
            difference_kind(shown, other) == DIFFERENCE_KINDS[digest(f"{salt}|kind|{shown}")[0] % len(DIFFERENCE_KINDS)]
        )

    return pair_up(numbers.NUMBERS, salt, preferred, lambda shown, other: shown != other)


def difference_kind(shown: int, other: int) -> str:
    """Which of `DIFFERENCE_KINDS` a wrong number has."""
    (tens, units), (other_tens, other_units) = divmod(shown, 10), divmod(other, 10)
    if units == other_units:
        return "tens"
    if tens == other_tens:
        return "units"
    return "swapped" if (tens, units) == (other_units, other_tens) else "both"


TASK = Task(
    name="number-verify",
    problem="image-text",
    suite=("embedded-images",),
    languages=(
        "en", "af", "ak", "am", "ar", "az", "be", "bg", "bs", "ca", "ccp", "chr", "cs", "cy", "da", "de", "ee", "el",
        "eo", "es", "et", "fa", "ff", "fi", "fil", "fo", "fr", "ga", "he", "hi", "hr", "hu", "hy", "id", "is", "it",
        "ja", "ka", "kk", "kl", "km", "ko", "ky", "lb", "lo", "lrc", "lt", "lv", "mk", "ms", "mt", "my", "nb", "ne",
        "nl", "nn", "pl", "pt", "qu", "ro", "ru", "se", "sk", "sl", "sq", "sr", "su", "sv", "sw", "ta", "th", "tr",
        "uk", "vec", "vi", "yue", "zh", "zu",
    ),
    sources=(DIGITS, numbers.SPELLING),
    read=read,
    fractions=numbers.FRACTIONS,
    images=(numbers.COLLECTION,),
    licence=f"{numbers.LICENCE_OF_DIGITS}; MIT (unicode-rbnf); Unicode Licence (CLDR rules)",
    citation=f"{numbers.CITATION_OF_DIGITS}. Words: Unicode CLDR, as shipped in unicode-rbnf",
    url=f"{numbers.URL}, https://cldr.unicode.org",
    weaknesses=(
        *numbers.WEAKNESSES,
        "Chinese, Japanese and Cantonese share their characters for numbers; related languages have similar words",
        "words, not sentences, as spelled by CLDR's rules, with a Latin i in Belarusian and a Thai zero in Lao",
    ),
    split_family=numbers.FAMILY,
    sizes=measured_sizes("number-verify"),
)  # fmt: skip
