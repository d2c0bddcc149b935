"""Words and blanks of a text by Unicode's rules, independent of any tokenizer."""

import re
import unicodedata
from collections.abc import Callable, Iterator

Word = tuple[int, int]
"""Offsets of the first character of a word and of the one after its last."""

_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17ff\u19e0-\u19ff"  # Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"  # Chinese characters
    "]"
)
_VOWELS = "\u0e33\u0eb3"
"""Thai and Lao AM: letters by category, but part of the preceding grapheme."""
_JOINERS = "\u200c\u200d\u00ad"


def words_of(text: str) -> Iterator[Word]:
    """The words of `text`: runs of letters, digits and marks; every other character by itself.

    In scripts that are written without spaces, every grapheme is a word. White space and invisible format characters
    belong to no word, except joiners and soft hyphens inside one.
    """
    return _scan(text, is_word_part, lambda c: c.isspace() or unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp"))


def split_words(text: str) -> tuple[tuple[str, int], ...]:
    """The words of `text` between spaces, each with the offset of its first character; punctuation belongs to a word.

    In scripts that are written without spaces, every grapheme is a word.
    """
    words = _scan(text, lambda c: not c.isspace() and not _UNSPACED.match(c), str.isspace)
    return tuple((text[start:end], start) for start, end in words)


def _scan(text: str, is_run: Callable[[str], bool], is_blank: Callable[[str], bool]) -> Iterator[Word]:
    """Runs of the characters of `is_run`, and every other grapheme that is not blank."""
    start, end, open_run = 0, 0, False
    for offset, character in enumerate(text):
        touches = end == offset and end > start
        extends = character in _VOWELS or character in _JOINERS or unicodedata.category(character)[0] == "M"
        in_run = is_run(character)
        if touches and (extends or (open_run and in_run)):
            end = offset + 1
            continue
        if end > start:
            yield start, end
        start = end = offset
        open_run = in_run
        if not is_blank(character):
            end = offset + 1
    if end > start:
        yield start, end


def is_word_part(character: str) -> bool:
    """Whether a word goes on across this character: a letter, digit or mark of a script that is written with spaces."""
    return unicodedata.category(character)[0] in "LNM" and not _UNSPACED.match(character)


def strip_blanks(text: str) -> str:
    """The text without white space and invisible characters at its ends."""

    def is_blank(character: str) -> bool:
        return character.isspace() or unicodedata.category(character) in ("Cf", "Cc")

    start, end = 0, len(text)
    while start < end and is_blank(text[start]):
        start += 1
    while start < end and is_blank(text[end - 1]):
        end -= 1
    return text[start:end]
