"""Retrieval of flags by country name and the reverse: drawings from OpenMoji, names from CLDR."""

from collections.abc import Iterator, Mapping

from babel import Locale

from xstilts.cache.sources import Library
from xstilts.problems import Caption
from xstilts.tasks import _emoji as emoji
from xstilts.tasks._image_wheels import OPENMOJI
from xstilts.tasks.task import Paths, Task, measured_sizes


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Caption]]:
    return {"all": captions(paths, language)}


def captions(paths: Paths, language: str) -> Iterator[Caption]:
    """One caption per flag of a region that the locale names; id = region code, group = drawing.

    The id is flagged if the name equals the English one, ignoring case.
    """
    english, names, drawn = Locale.parse("en").territories, Locale.parse(language).territories, emoji.drawings(paths)
    flags = {code: stem for stem in drawn if (code := emoji.region(stem))}
    for code, stem in sorted(flags.items()):
        if name := names.get(code):
            yield Caption(
                id=emoji.flag_if_english(code, name, english.get(code, ""), language),
                group=drawn[stem],
                language=language,
                text=name,
                image=f"{emoji.COLLECTION}:{stem}",
            )


TASK = Task(
    name="flag-country",
    problem="image-retrieval",
    suite=("embedded-images",),
    languages=(
        "en", "ab", "af", "ak", "am", "ar", "as", "ast", "az", "be", "bew", "bg", "blo", "bn", "brx", "bs",
        "ccp", "ce", "chr", "ckb", "cs", "cv", "dsb", "dz", "ee", "el", "eo", "es", "fa", "fr", "frr", "ga",
        "gd", "gsw", "gu", "ha", "he", "hi", "hr", "hsb", "ht", "hu", "hy", "is", "ja", "jv", "ka", "kab",
        "kea", "kgp", "kk", "km", "kn", "ko", "kok", "ks", "ksh", "ku", "kxv", "ky", "ln", "lo", "lt", "lv",
        "mai", "mi", "mk", "ml", "mn", "mr", "mt", "my", "mzn", "ne", "nqo", "oc", "om", "or", "pa", "pcm",
        "pl", "ps", "pt", "rif", "ru", "sat", "sc", "scn", "sd", "si", "sk", "sl", "so", "sq", "sr", "syr",
        "szl", "ta", "te", "tg", "th", "ti", "tk", "to", "tr", "trw", "tt", "ug", "uk", "ur", "uz", "vai",
        "vec", "wo", "xh", "xnr", "yo", "yrl", "yue", "zh", "zu",
    ),
    sources=(OPENMOJI, Library.installed("babel")),
    read=read,
    fractions=emoji.FRACTIONS,
    images=(emoji.COLLECTION,),
    item_flags=emoji.ITEM_FLAGS,
    licence="CC BY-SA 4.0 (OpenMoji drawings); BSD-3-Clause (babel); Unicode Licence (CLDR names)",
    citation="Drawings: OpenMoji 17.0, openmoji.org, CC BY-SA 4.0. Names: Unicode CLDR, as shipped in babel",
    url="https://openmoji.org, https://cldr.unicode.org",
    weaknesses=(
        "country names are similar in most languages: broad coverage, but not a test of language understanding",
        "six flags belong to two or three regions (Norway, Svalbard), which cannot be distinguished",
        "only languages with names for 250 flags or more, at most a third of them identical to English",
    ),
    sizes=measured_sizes("flag-country"),
)  # fmt: skip
