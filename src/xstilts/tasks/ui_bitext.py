"""Texts of web interfaces and their English originals, from the gettext catalogues of Django and Wagtail."""

import gettext
import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from xstilts.cache.sources import Wheel
from xstilts.problems import Parallel
from xstilts.tasks.task import Paths, Task, measured_sizes

DJANGO = Wheel(
    package="Django",
    version="5.2.19",
    sha256="5965d974a5218a2b68a11dd1276434707f23886525c23f0598eccedaf4f4ca00",
    size_mb=8.3,
)
WAGTAIL = Wheel(
    package="wagtail",
    version="8.0.1",
    sha256="1e6ad5c7891a54efce1400e168298b5a2cc343b642cee89c31bf5ec30c98b26c",
    size_mb=9.8,
)
MIN_WORDS = 3
"""The minimum number of words of an English string."""

_REGIONS = {"az": "AZ", "he": "IL", "hr": "HR", "id": "ID", "is": "IS", "pt": "PT", "sk": "SK", "tr": "TR"}
"""Regions that Wagtail adds to some language codes."""

_NUMBER = r"[-#0 +]*\d*\.?\d*"
_PLACEHOLDER = re.compile(rf"%\(\w+\){_NUMBER}[a-zA-Z]|%{_NUMBER}[sdifrx]\b|\$?\{{[^{{}}]*\}}|<[^<>]*>|&\w+;")
"""Placeholders (%(name)s, %d, {name}), and HTML tags and entities."""


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Parallel]]:
    return {"all": pairs((paths[wheel.package] for wheel in (DJANGO, WAGTAIL)), language)}


def pairs(wheels: Iterable[Path], language: str) -> Iterator[Parallel]:
    """The pairs without placeholders and tags; every English string and every translation occurs once."""
    english_strings: set[str] = set()
    translations: set[str] = set()
    for wheel in wheels:
        for raw_english, raw_text in _translations(wheel, language):
            english, text = _clean(raw_english), _clean(raw_text)
            if len(english.split()) < MIN_WORDS or not text or english.casefold() == text.casefold():
                continue
            if english.casefold() in english_strings or text.casefold() in translations:
                continue
            english_strings.add(english.casefold())
            translations.add(text.casefold())
            name = hashlib.sha256(english.casefold().encode()).hexdigest()[:16]
            yield Parallel(id=name, group=name, language=language, text=text, english=english)


def _translations(wheel: Path, language: str) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".mo") and _folder(name) in _folders(language):
                catalogue = gettext.GNUTranslations(io.BytesIO(archive.read(name)))
                for english in _messages(catalogue):
                    context, _, plain = english.rpartition("\x04")
                    yield plain, catalogue.pgettext(context, plain) if context else catalogue.gettext(plain)


def _messages(catalogue: gettext.GNUTranslations) -> Iterator[str]:
    """The English strings without plural forms, which differ between languages."""
    entries: Mapping[str | tuple[str, int], str] = vars(catalogue)["_catalog"]
    return (message for message in entries if isinstance(message, str) and message)


def _folder(name: str) -> str:
    return name.split("/locale/")[1].split("/")[0] if "/locale/" in name else ""


def _folders(language: str) -> tuple[str, ...]:
    folder = language.replace("-", "_")
    region = _REGIONS.get(language)
    return (folder, f"{folder}_{region}") if region else (folder,)


def _clean(text: str) -> str:
    return " ".join(_PLACEHOLDER.sub(" ", text).split())


TASK = Task(
    name="ui-bitext",
    problem="retrieval",
    suite=("embedded",),
    languages=(
        "ar", "be", "ca", "cs", "de", "dv", "el", "es", "et", "fa", "fi", "fr", "gl", "hr", "hu", "id",
        "is", "it", "ja", "ko", "lt", "lv", "mn", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl",
        "sv", "tet", "tr", "ug", "uk", "zh-Hans", "zh-Hant",
    ),
    sources=(DJANGO, WAGTAIL),
    read=read,
    fractions={"dev": 0.2, "test": 0.8},
    licence="BSD-3-Clause",
    citation="The message catalogues of Django 5.2.19 and Wagtail 8.0.1 and their translators",
    url="https://github.com/django/django, https://github.com/wagtail/wagtail",
    weaknesses=(
        "one narrow domain: labels and messages of web interfaces",
        "translated by volunteers: languages differ in the strings that they have",
    ),
    sizes=measured_sizes("ui-bitext"),
)  # fmt: skip
