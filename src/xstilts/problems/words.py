"""Words and blanks by Unicode's rules, independent of any tokenizer."""

import re
import unicodedata

_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"  # Chinese characters
    "]"
)


def split_words(text: str) -> tuple[tuple[str, int], ...]:
    """The words of `text`, each with the offset of its first character.

    Spaces separate words. In scripts written without spaces, each character is a word, together with the combining
    marks and vowel signs that follow it. A run of other characters (Latin, digits) is one word.
    """
    words: list[tuple[str, int]] = []
    in_word = False
    for offset, character in enumerate(text):
        if character.isspace():
            in_word = False
            continue
        unspaced = bool(_UNSPACED.match(character))
        if (words and _continues(character, words[-1], offset)) or (in_word and not unspaced):
            word, start = words[-1]
            words[-1] = (word + character, start)
        else:
            words.append((character, offset))
            in_word = not unspaced
    return tuple(words)


def _continues(character: str, previous: tuple[str, int], offset: int) -> bool:
    """Whether `character` is a mark that directly follows the previous word."""
    word, start = previous
    mark = unicodedata.category(character).startswith("M") or character in "\u0e33\u0eb3\u200d"
    return mark and start + len(word) == offset


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
