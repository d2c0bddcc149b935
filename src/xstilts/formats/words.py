"""Words of a text, for annotations of characters."""

import re
import unicodedata
from collections.abc import Iterator

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
    start, end, open_run = 0, 0, False
    for offset, character in enumerate(text):
        category = unicodedata.category(character)
        touches = end == offset and end > start
        if touches and (category[0] == "M" or character in _VOWELS or character in _JOINERS):
            end = offset + 1
            continue
        in_run = category[0] in "LNM" and not _UNSPACED.match(character)
        if touches and open_run and in_run:
            end = offset + 1
            continue
        if end > start:
            yield start, end
        start = end = offset
        open_run = in_run
        if not character.isspace() and category not in ("Cc", "Cf", "Zl", "Zp"):
            end = offset + 1
    if end > start:
        yield start, end
