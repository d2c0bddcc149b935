"""Whether a name matches an image: emoji in 14 languages."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from xstilts.config.splits import assign
from xstilts.problems import ImageText
from xstilts.tasks import _emoji as emoji
from xstilts.tasks._pairing import digest, pair_up
from xstilts.tasks.task import Paths, Task, measured_sizes

YES, NO = "yes", "no"

_STOP_WORDS = frozenset(("a", "and", "at", "by", "for", "in", "of", "on", "or", "s", "the", "to", "with", "without"))
_ANYONE = frozenset(("adult", "child", "people", "person"))


def read(paths: Paths, language: str) -> Mapping[str, Iterator[ImageText]]:
    return {"all": pairs(paths, language)}


def pairs(paths: Paths, language: str) -> Iterator[ImageText]:
    """Each image with its own name and with its partner's name; partners are the same in every language.

    So each image and each name has one matching and one non-matching example. id = concept of the image | concept of
    the name; group = drawing. Concepts without a partner are left out.
    """
    by_stem = {concept.stem: concept for concept in emoji.concepts(paths, language)}
    for stem, other in sorted(partners(by_stem.values()).items()):
        concept = by_stem[stem]
        for named, label in ((concept, YES), (by_stem[other], NO)):
            yield ImageText(
                id=named.item_id(f"{stem}|{named.stem}", language),
                group=concept.group,
                language=language,
                text=named.name,
                images=(concept.image,),
                label=label,
            )


def partners(concepts: Iterable[emoji.Concept]) -> Mapping[str, str]:
    """The partner of each concept within its split, by stem.

    Half of the concepts get a hard partner, whose English name shares a word; the others one without a shared word. A
    partner's name never matches the image: not "cat" for a cat face, nor "person running" for a woman running.
    """
    words: dict[str, frozenset[str]] = {}
    splits: dict[str, list[str]] = defaultdict(list)
    for concept in concepts:
        words[concept.stem] = frozenset(re.findall(r"\w+", concept.english.casefold())) - _STOP_WORDS
        splits[assign(concept.group, emoji.FRACTIONS, emoji.FAMILY)].append(concept.stem)

    def allowed(stem: str, other: str) -> bool:
        return not (words[stem] - _ANYONE <= words[other] or words[other] - _ANYONE <= words[stem])

    def preferred(stem: str, other: str) -> bool:
        hard = digest(f"hard|{stem}")[0] % 2 == 0
        return hard == bool(words[stem] & words[other]) and allowed(stem, other)

    pairs_by_split = (pair_up(stems, emoji.FAMILY, preferred, allowed) for stems in splits.values())
    return {stem: partner for pairs in pairs_by_split for stem, partner in pairs.items()}


TASK = Task(
    name="emoji-match",
    problem="image-text",
    suite=("embedded-images",),
    languages=emoji.LANGUAGES,
    sources=emoji.SOURCES,
    read=read,
    fractions=emoji.FRACTIONS,
    images=(emoji.COLLECTION,),
    item_flags=emoji.ITEM_FLAGS,
    licence=emoji.LICENCE,
    citation=emoji.CITATION,
    url=emoji.URL,
    weaknesses=(
        *emoji.WEAKNESSES,
        "hard wrong names share an English word with the right one; similar images with other names are not used as "
        "negatives",
    ),
    split_family=emoji.FAMILY,
    sizes=measured_sizes("emoji-match"),
)
