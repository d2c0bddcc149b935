"""Texts for masked-language modelling, from a local file or a data set on the Hub."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from xstilts.cache.checksums import sha256_of
from xstilts.data import hub_data
from xstilts.errors import DataError, RowsError, SourceError
from xstilts.formats.tables import READABLE, SUFFIXES, format_suffix, read_text, rows
from xstilts.platform.files import expand_home, is_file
from xstilts.tasks.benchmark import Hub

SPLIT = "train"
"""The split of a Hub data set that is read."""
PLAIN = ".txt"
"""Suffix of a file with one text per line."""
MIN_UNLABELLED = 100
"""The smallest number of texts whose mean state is used."""
_HUB = "hub:"
_HUB_LOCATION = re.compile(r"hub:\w[\w.-]*/\w[\w.-]*(/[\w{][\w.{}-]*)?")
_MAX_LOCATION = 200


class TextSettings(Protocol):
    """The recipe's settings for texts."""

    @property
    def texts(self) -> Mapping[str, str]: ...
    @property
    def column(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The texts of a language. `fingerprint` depends on their content and on how they are read, not on their path."""

    language: str
    location: str
    """A path, or `hub:owner/name/configuration`."""
    column: str
    fingerprint: str


def corpora(settings: TextSettings, *, base: Path, cache: Path) -> tuple[Corpus, ...]:
    """The corpora of `settings`, pinned by content; paths are relative to `base`. Nothing is downloaded.

    Raises SourceError for a missing file, DataError for a file of an unknown format.
    """
    return tuple(
        _corpus(language, location, settings.column, base, cache) for language, location in settings.texts.items()
    )


def hub_corpora(settings: TextSettings) -> tuple[tuple[str, Hub], ...]:
    """The corpora of `settings` on the Hub: language and data set."""
    locations = settings.texts.items()
    return tuple((language, _hub(location)) for language, location in locations if location.startswith(_HUB))


def check_location(location: str, base: Path) -> None:
    """Check a location without reading it. Raises SourceError for a missing file, DataError for other problems."""
    if location.startswith(_HUB):
        if len(location) > _MAX_LOCATION or not _HUB_LOCATION.fullmatch(location):
            raise DataError(
                f"{location[:_MAX_LOCATION]!r} is not a data set on the Hub",
                "write hub:owner/name or hub:owner/name/configuration",
            )
        return
    path = base / expand_home(location)
    if not is_file(path):
        raise SourceError(f"the file {path} is missing", "paths are relative to the recipe")
    if format_suffix(path) not in (PLAIN, *SUFFIXES):
        raise DataError(f"{path} cannot be read", READABLE)


def is_local(corpus: Corpus, *, cache: Path) -> bool:
    """Whether all files of the corpus are on this machine, so that `read_texts` downloads nothing."""
    if not corpus.location.startswith(_HUB):
        return True
    missing = hub_data.missing_files(_hub(corpus.location), SPLIT, corpus.language, cache=cache)
    return missing is not None and not missing


def read_texts(corpus: Corpus, *, cache: Path, offline: bool) -> tuple[str, ...]:
    """The texts in order, without blank texts and duplicates.

    Raises DataError if there are none or the column is missing, RowsError with all rows that have a list or an object
    instead of a text, SourceError if the Hub cannot be read.
    """
    texts = tuple(dict.fromkeys(text for text in map(str.strip, _texts(corpus, cache, offline)) if text))
    if not texts:
        raise DataError(f"{corpus.location} has no texts", "add texts, or remove the file from `texts`")
    return texts


def train_and_held_out(texts: Sequence[str], held_out: int, max_texts: int | None) -> tuple[list[str], list[str]]:
    """At most `max_texts` training texts, and held-out texts: at most `held_out` and at most a tenth of all texts.

    Texts are selected in the order of their hashes, so a larger subset contains the smaller ones.
    """
    ranked = sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())
    count = min(held_out, len(texts) // 10)
    held_out_texts, train_texts = set(ranked[:count]), set(ranked[count:][:max_texts])
    return [text for text in texts if text in train_texts], [text for text in texts if text in held_out_texts]


def _corpus(language: str, location: str, column: str, base: Path, cache: Path) -> Corpus:
    check_location(location, base)
    if not location.startswith(_HUB):
        path = base / expand_home(location)
        location, identity = str(path), [sha256_of(path, cache)]
        identity += [] if format_suffix(path) == PLAIN else [format_suffix(path), column]
    else:
        dataset = _hub(location)
        commit = hub_data.known_commit(dataset.repository, dataset.revision, cache=cache)
        identity = [dataset.repository, dataset.config, commit or f"unresolved {dataset.revision}", column]
    fingerprint = hashlib.sha256(json.dumps([language, *identity]).encode()).hexdigest()
    return Corpus(language=language, location=location, column=column, fingerprint=fingerprint)


def _hub(location: str) -> Hub:
    owner, name, *config = location.removeprefix(_HUB).split("/")
    return Hub(repository=f"{owner}/{name}", config=config[0] if config else "default", splits={SPLIT: SPLIT})


def _texts(corpus: Corpus, cache: Path, offline: bool) -> Iterator[str]:
    if corpus.location.startswith(_HUB):
        paths = hub_data.parquet_files(_hub(corpus.location), SPLIT, corpus.language, cache=cache, offline=offline)
        return (text for path in paths for text in _column(path, corpus.column))
    path = Path(corpus.location)
    return iter(read_text(path).split("\n")) if format_suffix(path) == PLAIN else _column(path, corpus.column)


def _column(path: Path, column: str) -> Iterator[str]:
    errors: list[DataError] = []
    for line, row in rows(path):
        if column not in row:
            raise DataError(f"{path}:{line}: no column {column!r}", f"set `column` to one of {', '.join(row)}")
        if isinstance(row[column], list | dict | bytes):
            errors.append(DataError(f"{path}:{line}: {column!r} is no text", "set `column` to a column with texts"))
        else:
            yield str(row[column] or "")
    if errors:
        raise RowsError(errors)
