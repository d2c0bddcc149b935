"""Which of four countries a city is in: the city is the prompt, the countries are the choices, named by CLDR."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache

from babel import Locale
from babel.core import get_global

from xstilts.cache.sources import Library
from xstilts.config.splits import assign
from xstilts.problems import Choice
from xstilts.tasks.task import Paths, Task, measured_sizes

NAME = "city-country"
FRACTIONS = {"train": 0.6, "dev": 0.1, "test": 0.3}
CHOICES = 4

_NOT_COUNTRIES = frozenset(("001", "AQ", "UM", "ZZ"))


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Choice]]:
    return {"all": city_items(language)}


def city_items(language: str) -> Iterator[Choice]:
    """One item per time-zone city that the locale names differently from the zone; id = zone, group = country.

    Cities that share a character trigram with their country are excluded, because they reveal the answer. The wrong
    countries and the order of the choices are the same in every locale; all four choices are of one split.
    """
    locale = Locale.parse(language, sep="-")
    for zone, country in sorted(_zones().items()):
        city = _city(locale, zone)
        name = locale.territories.get(country)
        if not city or not name or _trigrams(city) & _trigrams(name):
            continue
        choices = _choices(zone, country)
        names = tuple(locale.territories.get(choice, "") for choice in choices)
        if all(names) and len(set(names)) == CHOICES:
            yield Choice(
                id=zone, group=country, language=language, prompt=city, choices=names, answer=choices.index(country)
            )


@cache
def _zones() -> dict[str, str]:
    """The country of each time zone, without aliases."""
    zones, aliases = get_global("zone_territories"), get_global("zone_aliases")
    return {z: t for z, t in zones.items() if z not in aliases and t not in _NOT_COUNTRIES}


def _city(locale: Locale, zone: str) -> str | None:
    """The city's name; for English, the zone's identifier if CLDR has no name."""
    city = locale.time_zones.get(zone, {}).get("city")
    if city is None and locale.language == "en":
        return zone.rsplit("/", 1)[-1].replace("_", " ")
    return city


def _trigrams(text: str) -> set[str]:
    folded = text.casefold()
    return {folded[i : i + 3] for i in range(len(folded) - 2)}


@cache
def _countries(split: str) -> frozenset[str]:
    return frozenset(country for country in _zones().values() if assign(country, FRACTIONS, NAME) == split)


def _choices(zone: str, country: str) -> list[str]:
    """The country and three others of its split, in a pseudo-random order that depends on the zone."""
    candidates = _countries(assign(country, FRACTIONS, NAME)) - {country}
    wrong = sorted(candidates, key=lambda c: _hash(f"{zone}|{c}"))[: CHOICES - 1]
    return sorted([country, *wrong], key=lambda c: _hash(f"{c}|{zone}"))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


TASK = Task(
    name=NAME,
    problem="choice",
    suite=("embedded",),
    languages=(
        "en", "ab", "am", "ar", "as", "be", "bg", "blo", "bn", "brx", "ccp", "ce", "chr", "cv", "el", "fa",
        "gu", "he", "hi", "hy", "ja", "ka", "kgp", "kk", "km", "kn", "ko", "kok", "ks", "kxv", "ky", "lo",
        "lt", "lv", "mai", "mk", "ml", "mn", "mr", "my", "ne", "nqo", "or", "pa", "pcm", "ps", "ru", "sd",
        "si", "sr", "sr-Latn", "syr", "ta", "te", "tg", "th", "ti", "trw", "tt", "uk", "ur", "xnr", "yrl",
        "yue", "zh", "zh-Hant", "zu",
    ),
    sources=(Library.installed("babel"),),
    read=read,
    fractions=FRACTIONS,
    licence="BSD-3-Clause (babel); Unicode Licence (CLDR data)",
    citation="Unicode Common Locale Data Repository, as shipped in babel",
    url="https://cldr.unicode.org",
    weaknesses=(
        "tests knowledge of names, not understanding of sentences",
        "only cities whose name differs from the time zone's English identifier: mostly languages not in Latin script",
    ),
    sizes=measured_sizes(NAME),
)  # fmt: skip
