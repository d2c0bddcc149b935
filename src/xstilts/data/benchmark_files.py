"""A benchmark's task, tied to the files that are at hand: its own below the data root, or its copy on the Hub."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from xstilts.cache.checksums import sha256_of
from xstilts.cache.sources import Files, HubData
from xstilts.config.splits import SHOTS, TRANSLATED
from xstilts.data import hub_data as hub
from xstilts.data.images import local_folders as image_folders
from xstilts.data.splits import split_names
from xstilts.errors import DataError
from xstilts.formats.tables import Row, read_text, rows
from xstilts.problems import Example
from xstilts.problems.cells import Cells
from xstilts.tasks.benchmark import Benchmark, Fields, Hub, Native, as_is
from xstilts.tasks.task import Paths, Task

ENGLISH = "en"

Numbered = tuple[Path, int, Row]
"""A row with its file and line, its fields by the names of an example's."""


class Partition(Protocol):
    """Splits to throw together, and the share of each split that their groups are assigned to."""

    @property
    def pool(self) -> tuple[str, ...]: ...
    @property
    def fractions(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One split of a language: native files, or a place on the Hub."""

    split: str
    paths: tuple[Path, ...] = ()
    native: Native | None = None
    hub: Hub | None = None


def bind(
    task: Task, *, root: Path | None, cache: Path, offline: bool = False, partition: Partition | None = None
) -> Task:
    """The task with the sources that it is read from, and its splits assigned anew if a partition says so.

    A language whose files lie below `root` is read from them, any other from the Hub. Nothing is fetched here. A task
    that was bound may be bound again, once commits are known.
    """
    if task.benchmark is not None:
        task = _bound(task, task.benchmark, root, cache, offline)
    if partition is None:
        return task
    pooled = replace(task, fractions=dict(partition.fractions), pool=tuple(partition.pool))
    splits = {language: split_names(pooled, found) for language, found in task.splits.items()}
    return replace(pooled, splits=splits)


def native_parts(benchmark: Benchmark, root: Path | None, language: str) -> tuple[Part, ...]:
    """The splits of a language that have files below `root`, or below its folders `text` and `multimodal`."""
    if root is None:
        return ()
    found: list[Part] = []
    for native in benchmark.native:
        taken = set() if benchmark.joined else {part.split for part in found}
        found += [part for part in _laid_out(native, root, language) if part.split not in taken]
    return tuple(found)


def own_files(benchmark: Benchmark, language: str, split: str) -> tuple[str, ...]:
    """Patterns of the publishers' own files of a split, below the root: English ones of its own before those of every
    language."""
    layouts = [native.english for native in benchmark.native] if language == ENGLISH else []
    found = (layout.get(split, ()) for layout in (*layouts, *(native.files for native in benchmark.native)))
    return tuple(one for patterns in found for one in ((patterns,) if isinstance(patterns, str) else patterns))


def _laid_out(native: Native, root: Path, language: str) -> Iterator[Part]:
    patterns = dict(native.files) | (dict(native.english) if language == ENGLISH else {})
    name = native.names.get(language, language)
    for split, pattern in patterns.items():
        matches = [_matches(root, one, name) for one in ((pattern,) if isinstance(pattern, str) else pattern)]
        matches = [paths for paths in matches if paths]
        if matches:
            kept = matches if native.every_pattern else matches[:1]
            yield Part(split=split, paths=tuple(path for paths in kept for path in paths), native=native)


def _matches(root: Path, pattern: str, language: str) -> tuple[Path, ...]:
    for folder in (root, root / "text", root / "multimodal"):
        if paths := tuple(sorted(folder.glob(pattern.replace("{language}", language)))):
            return paths
    return ()


def hub_parts(task: Task, root: Path | None, language: str) -> tuple[tuple[Part, str], ...]:
    """What of the Hub the examples of a language are read from: parts, each with the language it is asked for."""
    if task.benchmark is None:
        return ()
    asked = dict.fromkeys((language, ENGLISH) if task.benchmark.pivot and ENGLISH in task.languages else (language,))
    parts = ((part, name) for name in asked for part in _parts(task.benchmark, root, name))
    return tuple((part, name) for part, name in parts if part.hub)


def unresolved(task: Task, language: str) -> tuple[HubData, ...]:
    """What the examples of a language are read from whose commit is not known."""
    sources = task.sources_by_language.get(language, task.sources)
    return tuple(source for source in sources if isinstance(source, HubData) and source.commit is None)


def _parts(benchmark: Benchmark, root: Path | None, language: str) -> tuple[Part, ...]:
    return native_parts(benchmark, root, language) or _hub_parts(benchmark, language)


def _hub_parts(benchmark: Benchmark, language: str) -> tuple[Part, ...]:
    places = [place for place in benchmark.hub if place.languages is None or language in place.languages]
    return tuple(Part(split=split, hub=place) for place in places for split in place.splits)


def _bound(task: Task, benchmark: Benchmark, root: Path | None, cache: Path, offline: bool) -> Task:
    parts = {language: _parts(benchmark, root, language) for language in task.languages}
    lists = _matches(root, benchmark.labels, ENGLISH)[:1] if root and benchmark.labels else ()
    shared = [Files(sums={path.name: sha256_of(path, cache)}, layout="labels") for path in lists]
    shared += image_folders.sources(task, root, cache)
    task = replace(task, labels=_listed(lists[0]) if lists else task.labels)
    own = {language: _sources(task.name, found, language, cache) for language, found in parts.items()}
    english = own.get(ENGLISH, ()) if benchmark.pivot else ()
    by_language = {
        name: (*sources, *(e for e in english if e not in sources and type(e) in map(type, sources)), *shared)
        for name, sources in own.items()
    }
    return replace(
        task,
        sources=tuple(dict.fromkeys(source for sources in (*own.values(), shared) for source in sources)),
        sources_by_language=by_language,
        splits={language: tuple(dict.fromkeys(part.split for part in found)) for language, found in parts.items()},
        read=partial(_read, task, benchmark, parts, cache, offline),
    )


def _listed(path: Path) -> tuple[str, ...]:
    """The classes that a file lists. Raises DataError where it is no list of texts."""
    try:
        labels = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON: {error.msg}", _NATIVE) from None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise DataError(f"{path}: not a list of texts", _NATIVE)
    return tuple(sorted(labels))


def _sources(task: str, parts: Sequence[Part], language: str, cache: Path) -> tuple[Files | HubData, ...]:
    """The sources of parts, with what pins them."""
    sums = {f"{part.split}/{path.name}": sha256_of(path, cache) for part in parts for path in part.paths}
    files = (Files(sums=sums, layout=f"{task} {language}"),) if sums else ()
    places = dict.fromkeys((part.hub.repository, part.hub.revision) for part in parts if part.hub)
    commits = [(*place, hub.known_commit(*place, cache=cache)) for place in places]
    return (*files, *(HubData(repository=name, revision=revision, commit=at) for name, revision, at in commits))


def _read(
    task: Task,
    benchmark: Benchmark,
    parts: Mapping[str, Sequence[Part]],
    cache: Path,
    offline: bool,
    paths: Paths,
    language: str,
) -> dict[str, Iterator[Example]]:
    fetch = partial(_rows, cache=cache, offline=offline)
    own = _by_split(parts[language], language, fetch)
    groups = _groups(benchmark, own, parts, language, fetch)
    return {split: _examples(task, split, numbered, groups[split], language) for split, numbered in own.items()}


def _by_split(
    parts: Sequence[Part], language: str, fetch: Callable[[Part, str], Iterator[Numbered]]
) -> dict[str, list[Numbered]]:
    found: dict[str, list[Numbered]] = {}
    for part in parts:
        found.setdefault(part.split, []).extend(fetch(part, language))
    return found


def _rows(part: Part, language: str, *, cache: Path, offline: bool) -> Iterator[Numbered]:
    for path, line, row in _raw(part, language, cache=cache, offline=offline):
        for fields in _fields(part):
            if (renamed := _renamed(path, line, row, fields)) is not None:
                yield path, line, renamed


def _fields(part: Part) -> tuple[Fields, ...]:
    """What makes rows of a row: on the Hub, a row may hold two sentences."""
    if part.native is not None:
        return (part.native.fields,)
    return (part.hub.fields, *part.hub.further) if part.hub else (as_is,)


def _raw(part: Part, language: str, *, cache: Path, offline: bool) -> Iterator[Numbered]:
    if part.native is not None:
        for path in part.paths:
            yield from ((path, line, row) for line, row in part.native.read(path))
    if part.hub is not None:
        for path in hub.parquet(part.hub, part.split, language, cache=cache, offline=offline):
            yield from ((path, line, row) for line, row in rows(path) if part.hub.keep(row, language))


def _renamed(path: Path, line: int, row: Row, fields: Fields) -> Row | None:
    """The row by the names of an example's fields. Raises DataError, naming file and line, where it lacks one."""
    try:
        return fields(row)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        what = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise Cells(path, line, row, {}).wrong(f"the row cannot be read: {what}", _NATIVE) from None


_NATIVE = "the file is not laid out as its publisher lays it out; fetch it anew"


def _groups(
    benchmark: Benchmark,
    own: Mapping[str, Sequence[Numbered]],
    parts: Mapping[str, Sequence[Part]],
    language: str,
    fetch: Callable[[Part, str], Iterator[Numbered]],
) -> dict[str, list[str]]:
    """The group of every row. Rows that have no English counterpart keep groups of their own; a file has its
    counterpart in a file, never on the Hub."""
    mine = _grouped(benchmark, own)
    if benchmark.pivot is None or language == ENGLISH:
        return mine
    alike = {bool(part.native) for part in parts[language]}
    there = [part for part in parts.get(ENGLISH, ()) if bool(part.native) in alike]
    english = _by_split(there, ENGLISH, fetch)
    theirs = _grouped(benchmark, english)
    return {
        split: _paired(benchmark, numbered, english.get(split, ()), mine[split], theirs.get(split, ()), language)
        for split, numbered in own.items()
    }


def _grouped(benchmark: Benchmark, splits: Mapping[str, Sequence[Numbered]]) -> dict[str, list[str]]:
    """Groups over all splits together, split by split again."""
    names = iter(benchmark.groups([row for numbered in splits.values() for _, _, row in numbered]))
    return {split: [next(names) for _ in numbered] for split, numbered in splits.items()}


def _paired(
    benchmark: Benchmark,
    own: Sequence[Numbered],
    english: Sequence[Numbered],
    mine: Sequence[str],
    theirs: Sequence[str],
    language: str,
) -> list[str]:
    alone = [f"{language}:{group}" for group in mine]
    if benchmark.pivot == "position":
        return list(theirs) if len(own) == len(english) else alone
    known = {row["id"]: group for (_, _, row), group in zip(english, theirs, strict=True)}
    return [known.get(row["id"], group) for (_, _, row), group in zip(own, alone, strict=True)]


def _examples(
    task: Task, split: str, numbered: Sequence[Numbered], groups: Sequence[str], language: str
) -> Iterator[Example]:
    read, known = task.spec.read, set(task.labels)
    for number, ((path, line, row), group) in enumerate(zip(numbered, groups, strict=True)):
        if known and row["label"] not in known and (split == "train" or split.startswith(SHOTS)):
            continue
        fields = {**row, "group": group}
        cells = Cells(path, line, fields, {name: name for name in fields if fields[name] is not None})
        yield read(cells, f"{split.removesuffix(TRANSLATED)}-{number}", language)


def missing_locally(task: Task, language: str, split: str) -> str | None:
    """Where a split would lie that is nowhere else than in files, of a language that has some of them at hand."""
    benchmark, there = task.benchmark, task.splits.get(language)
    if benchmark is None or benchmark.hub or not there or split in there:
        return None
    return next(iter(own_files(benchmark, language, split)), None)
