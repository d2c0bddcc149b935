"""Which scripts a language is written in, and which pieces consist of their characters."""

from collections import Counter
from collections.abc import Iterable, Sequence

import regex

from xstilts.errors import UserError
from xstilts.fitting.languages import find_language, unicode_scripts

_SHARE = 0.05
"""The share of a language's letters from which on a script is one of its scripts."""


def language_scripts(language: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Codes of ISO 15924: the script that CLDR has for the language, and those of 5% of the letters of its texts.

    Raises UserError if `language` is none, or if CLDR has no script for it and there is no text.
    """
    letters = Counter(_script(letter) for text in texts for letter in text if letter.isalpha())
    common = [script for script, count in letters.most_common() if script and count >= _SHARE * letters.total()]
    found = find_language(language)
    if not found.script and not common:
        raise UserError(
            f"the script of {found.name} ({found.code}) is not known, and no training row is in it",
            f"add the script as in {found.code}-Latn, or give texts of it with --texts",
        )
    return tuple(dict.fromkeys([*unicode_scripts(found.script), *common]))


def written_in(scripts: Iterable[str]) -> regex.Pattern[str]:
    """Matches pieces that consist of characters of these scripts, and of those that all scripts share (digits,
    punctuation, symbols, combining marks)."""
    classes = "".join(rf"\p{{Script={script}}}" for script in sorted(set(scripts)))
    try:
        return regex.compile(rf"[▁{classes}\p{{Script=Common}}\p{{Script=Inherited}}]*")
    except regex.error:
        raise UserError(f"unknown script among {', '.join(sorted(set(scripts)))}", "use codes of ISO 15924") from None


_KNOWN: dict[str, str | None] = {}
_SCRIPTS = """
    Latn Cyrl Arab Deva Hani Hang Hira Kana Hebr Grek Thai Mlym Geor Armn Sinh Telu Ethi Knda Taml Beng
    Mymr Gujr Khmr Orya Guru Laoo Tibt Mong Cher Cans Olck Nkoo Tfng Thaa Syrc Copt Mtei Java Bali Sund
    Bugi Lana Yiii Vaii Adlm
"""
_PATTERNS = {script: regex.compile(rf"\p{{Script={script}}}") for script in _SCRIPTS.split()}


def _script(letter: str) -> str | None:
    if letter not in _KNOWN:
        _KNOWN[letter] = next((script for script, pattern in _PATTERNS.items() if pattern.match(letter)), None)
    return _KNOWN[letter]
