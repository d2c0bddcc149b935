"""Which scripts a language is written in, and which pieces consist of their characters."""

from collections import Counter
from collections.abc import Iterable, Sequence

import regex

from xstilts.errors import UserError

_SEVERAL = {"Jpan": ("Hira", "Kana", "Hani"), "Kore": ("Hang", "Hani"), "Hans": ("Hani",), "Hant": ("Hani",)}
"""Codes of ISO 15924 that stand for several scripts of Unicode."""
_SHARE = 0.05
"""The share of a language's letters from which on a script is one of its scripts."""


def language_scripts(language: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Codes of ISO 15924: the script that CLDR has for the language, and those of 5% of the letters of its texts.

    Raises UserError if CLDR does not know the language and there is no text.
    """
    from babel.core import get_global

    letters = Counter(_script(letter) for text in texts for letter in text if letter.isalpha())
    common = [script for script, count in letters.most_common() if script and count >= _SHARE * letters.total()]
    code = language.replace("-", "_")
    named = next((part for part in code.split("_")[1:] if len(part) == 4), None)
    likely = get_global("likely_subtags").get(code.split("_")[0])
    usual = named or (likely.split("_")[1] if likely else None)
    if usual is None and not common:
        raise UserError(
            f"the script of language {language!r} is not known, and no training row is in it",
            "use its code of two letters, add the script as in `und-Latn`, or give texts of it with --texts",
        )
    return tuple(dict.fromkeys([*_SEVERAL.get(usual or "", (usual,) if usual else ()), *common]))


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
