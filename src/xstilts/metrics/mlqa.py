"""MLQA's answer normalisation: SQuAD's rules with language-specific punctuation, articles and tokenisation.

Lewis et al. 2020, arXiv 1910.07475, in the version of the evaluation script that XTREME ships.
"""

import re
import string
import unicodedata
from collections.abc import Mapping

from xstilts.errors import UserError

_ARTICLES: Mapping[str, re.Pattern[str] | None] = {
    "ar": re.compile("ال"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "en": re.compile(r"\b(a|an|the)\b"),
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "hi": None,
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "zh": None,
}
"""The Arabic article is removed anywhere in a word, not only at its start: a bug of the official script, kept here."""

_HAN = re.compile("([\u4e00-\u9fa5])")


def normalise(answer: str, language: str) -> list[str]:
    """The normalised tokens of an answer. In Chinese, every Han character is a token.

    Raises UserError for a language that MLQA does not have.
    """
    if language not in _ARTICLES:
        raise UserError(
            f"MLQA has no rules for answers in {language!r}",
            f"MLQA has {', '.join(_ARTICLES)}; the normaliser `squad` works for any language",
        )
    text = "".join(letter for letter in answer.lower() if not _punctuation(letter))
    if articles := _ARTICLES[language]:
        text = articles.sub(" ", text)
    if language == "zh":
        text = _HAN.sub(r" \1 ", text)
    return text.split()


def _punctuation(letter: str) -> bool:
    return unicodedata.category(letter).startswith("P") or letter in string.punctuation
