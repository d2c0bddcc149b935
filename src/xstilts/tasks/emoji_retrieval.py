"""Retrieval of images by name and of names by image: emoji in 14 languages."""

from collections.abc import Iterator, Mapping

from xstilts.problems import Caption
from xstilts.tasks import _emoji as emoji
from xstilts.tasks.task import Paths, Task, measured_sizes


def read(paths: Paths, language: str) -> Mapping[str, Iterator[Caption]]:
    return {"all": captions(paths, language)}


def captions(paths: Paths, language: str) -> Iterator[Caption]:
    """One caption per concept. id = concept, the same in every language except for a flag; group = drawing."""
    for concept in emoji.concepts(paths, language):
        yield Caption(
            id=concept.item_id(concept.stem, language),
            group=concept.group,
            language=language,
            text=concept.name,
            image=concept.image,
        )


TASK = Task(
    name="emoji-retrieval",
    problem="image-retrieval",
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
    weaknesses=emoji.WEAKNESSES,
    split_family=emoji.FAMILY,
    sizes=measured_sizes("emoji-retrieval"),
)
