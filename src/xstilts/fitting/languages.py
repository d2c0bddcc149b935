"""The language of a model: its code, name and script, from CLDR and ISO 639 by `langcodes`. Does not import torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from xstilts.errors import UserError

MOST_TEXTS = 200
COMPOUND_SCRIPTS = {"Jpan": ("Hira", "Kana", "Hani"), "Kore": ("Hang", "Hani"), "Hans": ("Hani",), "Hant": ("Hani",)}
"""Codes of ISO 15924 that stand for other scripts of Unicode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """`code` is a BCP 47 tag such as `sw`; `swh_Latn`, `swa` and "Swahili" give the same one. It names no script if
    the language is usually written in it."""

    code: str
    name: str
    script: str
    """ISO 15924, such as Latn; empty if CLDR knows none."""


@lru_cache(maxsize=1024)
def find_language(value: str) -> Language:
    """The language of a code (BCP 47, ISO 639-3, with or without a script) or an English name.

    Raises UserError if there is none.
    """
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    hint = "give a code such as sw, swh_Latn or zh-Hant, or an English name"
    try:
        tag = langcodes.Language.get(value.strip().replace("_", "-"))
        if not tag.is_valid():
            raise LookupError
    except (LanguageTagError, LookupError):
        try:
            tag = langcodes.find(value.strip())
        except LookupError:
            raise UserError(f"{value!r} is no language", hint) from None
        if value.strip().casefold() not in {name.casefold() for name in (tag.display_name(), tag.autonym())}:
            raise UserError(
                f"{value!r} is no language", f"did you mean {tag.to_tag()} ({tag.display_name()})?"
            ) from None
    tag = langcodes.Language.get(langcodes.standardize_tag(tag, macro=True))
    without = langcodes.Language.make(language=tag.language, territory=tag.territory)
    if tag.script and tag.language and tag.script == _usual_script(without):
        tag = langcodes.Language.get(tag.to_tag().replace(f"-{tag.script}", "", 1))
    return Language(code=tag.to_tag(), name=tag.display_name(), script=tag.script or _usual_script(tag))


def unicode_scripts(script: str) -> tuple[str, ...]:
    """The scripts of Unicode that a code of ISO 15924 stands for; none for an empty one."""
    return COMPOUND_SCRIPTS.get(script, (script,) if script else ())


def share_in_script(texts: Sequence[str], script: str) -> float:
    """The share of the letters of the first texts that are in a script; 1 without letters or for an unknown script."""
    import regex

    if not script:
        return 1.0
    try:
        pattern = regex.compile("|".join(rf"\p{{Script={name}}}" for name in (*unicode_scripts(script), "Common")))
    except regex.error:
        return 1.0
    letters = regex.findall(r"\p{L}", " ".join(texts[:MOST_TEXTS]))
    return sum(bool(pattern.fullmatch(letter)) for letter in letters) / len(letters) if letters else 1.0


def _usual_script(tag: Any) -> str:
    """The likely script in CLDR. langcodes has that of English for languages that CLDR has not, such as Chukchi."""
    from langcodes.data_dicts import LIKELY_SUBTAGS

    return (tag.maximize().script or "") if tag.language in LIKELY_SUBTAGS else ""
