"""Plain texts of a language for masked-language modelling: a user's file, or a data set of the Hub."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from xstilts.cache.checksums import sha256_of
from xstilts.data import hub_data as hub
from xstilts.errors import DataError, SourceError
from xstilts.formats.tables import SUFFIXES, read_text, rows
from xstilts.tasks.benchmark import Hub

SPLIT = "train"
"""The split that is read of a data set of the Hub."""
PLAIN = ".txt"
"""Suffix of a file with a text on each line."""
_HUB = "hub:"


class Block(Protocol):
    """What a recipe says of texts."""

    @property
    def texts(self) -> Mapping[str, str]: ...
    @property
    def column(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The texts of a language. `fingerprint` follows from what they are and how they are read, not from where."""

    language: str
    place: str
    """A path, or `hub:owner/name/configuration`."""
    column: str
    fingerprint: str


def corpora(block: Block, *, base: Path, cache: Path) -> tuple[Corpus, ...]:
    """The corpora that `block` names, pinned; files are relative to `base`. Nothing is fetched.

    Raises SourceError for a missing file, DataError for a file of an unknown format.
    """
    return tuple(_corpus(language, place, block.column, base, cache) for language, place in block.texts.items())


def check_place(place: str, base: Path) -> None:
    """Whether a place can be read, by its name alone. Raises SourceError for a missing file, else DataError."""
    if place.startswith(_HUB):
        if place.count("/") not in (1, 2):
            raise DataError(
                f"{place!r} names no data set of the Hub", "write hub:owner/name or hub:owner/name/configuration"
            )
        return
    path = base / Path(place).expanduser()
    if not path.is_file():
        raise SourceError(f"no file {path}", "paths are relative to the recipe")
    if path.suffix.lower() not in (PLAIN, *SUFFIXES):
        raise DataError(f"{path} cannot be read", f"use {', '.join((PLAIN, *SUFFIXES))}")


def read(corpus: Corpus, *, cache: Path, offline: bool) -> tuple[str, ...]:
    """The texts, in order, without blank ones and repetitions.

    Raises DataError where there are none or the column is not there, SourceError where the Hub cannot be read.
    """
    texts = tuple(dict.fromkeys(text for text in map(str.strip, _texts(corpus, cache, offline)) if text))
    if not texts:
        raise DataError(f"{corpus.place} holds no texts", "give it some, or take it out of `mlm.texts`")
    return texts


def parts(texts: Sequence[str], held_out: int, most: int | None) -> tuple[list[str], list[str]]:
    """At most so many texts to train on, and texts held out: a tenth and `held_out` of them at most.

    Chosen by the texts themselves, so that a larger number keeps those of a smaller one.
    """
    ranked = sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())
    count = min(held_out, len(texts) // 10)
    apart, kept = set(ranked[:count]), set(ranked[count:][:most])
    return [text for text in texts if text in kept], [text for text in texts if text in apart]


def _corpus(language: str, place: str, column: str, base: Path, cache: Path) -> Corpus:
    check_place(place, base)
    if not place.startswith(_HUB):
        path = base / Path(place).expanduser()
        place, identity = str(path), [sha256_of(path, cache)]
        identity += [] if path.suffix.lower() == PLAIN else [path.suffix.lower(), column]
    else:
        there = _hub(place)
        commit = hub.known_commit(there.repository, there.revision, cache=cache) or f"unresolved {there.revision}"
        identity = [there.repository, there.config, commit, column]
    fingerprint = hashlib.sha256(json.dumps([language, *identity]).encode()).hexdigest()
    return Corpus(language=language, place=place, column=column, fingerprint=fingerprint)


def _hub(place: str) -> Hub:
    owner, name, *config = place.removeprefix(_HUB).split("/")
    return Hub(repository=f"{owner}/{name}", config=config[0] if config else "default", splits={SPLIT: SPLIT})


def _texts(corpus: Corpus, cache: Path, offline: bool) -> Iterator[str]:
    if corpus.place.startswith(_HUB):
        paths = hub.parquet(_hub(corpus.place), SPLIT, corpus.language, cache=cache, offline=offline)
        return (text for path in paths for text in _column(path, corpus.column))
    path = Path(corpus.place)
    return iter(read_text(path).split("\n")) if path.suffix.lower() == PLAIN else _column(path, corpus.column)


def _column(path: Path, column: str) -> Iterator[str]:
    for line, row in rows(path):
        if column not in row:
            raise DataError(f"{path}:{line}: there is no column {column!r}", f"it has {', '.join(row)}; set `column`")
        yield str(row[column] or "")
