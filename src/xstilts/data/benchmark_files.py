"""Binds a benchmark's task to its data: native files below the data root, or its copy on the Hub."""

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
from xstilts.tasks.benchmark import Benchmark, Fields, Hub, Native, unchanged
from xstilts.tasks.task import Paths, Task

ENGLISH = "en"

NumberedRow = tuple[Path, int, Row]
"""A row with its file and line; the fields have the names of an example's fields."""


class Partition(Protocol):
    """Splits to pool, and the fraction of their groups to assign to each new split."""

    @property
    def pool(self) -> tuple[str, ...]: ...
    @property
    def fractions(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSource:
    """Where one split of a language is read from: native files, or the Hub."""

    split: str
    paths: tuple[Path, ...] = ()
    native: Native | None = None
    hub: Hub | None = None


def bind(
    task: Task, *, root: Path | None, cache: Path, offline: bool = False, partition: Partition | None = None
) -> Task:
    """The task with its data sources and, with a partition, its new splits.

    A language with files below `root` is read from these, any other from the Hub. Nothing is downloaded here. A bound
    task may be bound again when more commits are known.
    """
    if task.benchmark is not None:
        task = _bound(task, task.benchmark, root, cache, offline)
    if partition is None:
        return task
    pooled = replace(task, fractions=dict(partition.fractions), pool=tuple(partition.pool))
    splits = {language: split_names(pooled, names) for language, names in task.splits.items()}
    return replace(pooled, splits=splits)


def native_splits(benchmark: Benchmark, root: Path | None, language: str) -> tuple[SplitSource, ...]:
    """The splits of a language with files below `root`, or below its folders `text` and `multimodal`."""
    if root is None:
        return ()
    sources: list[SplitSource] = []
    for native in benchmark.native:
        known_splits = set() if benchmark.concatenate_layouts else {source.split for source in sources}
        sources += [source for source in _matching_splits(native, root, language) if source.split not in known_splits]
    return tuple(sources)


def expected_files(benchmark: Benchmark, language: str, split: str) -> tuple[str, ...]:
    """Glob patterns of a split's native files below the root; English-only patterns first."""
    layouts = [native.english for native in benchmark.native] if language == ENGLISH else []
    patterns_of_layouts = (
        layout.get(split, ()) for layout in (*layouts, *(native.files for native in benchmark.native))
    )
    return tuple(
        pattern
        for patterns in patterns_of_layouts
        for pattern in ((patterns,) if isinstance(patterns, str) else patterns)
    )


def _matching_splits(native: Native, root: Path, language: str) -> Iterator[SplitSource]:
    patterns = dict(native.files) | (dict(native.english) if language == ENGLISH else {})
    name = native.names.get(language, language)
    for split, pattern in patterns.items():
        matches = [_matches(root, glob, name) for glob in ((pattern,) if isinstance(pattern, str) else pattern)]
        matches = [paths for paths in matches if paths]
        if matches:
            kept = matches if native.every_pattern else matches[:1]
            yield SplitSource(split=split, paths=tuple(path for paths in kept for path in paths), native=native)


def _matches(root: Path, pattern: str, language: str) -> tuple[Path, ...]:
    for folder in (root, root / "text", root / "multimodal"):
        if paths := tuple(sorted(folder.glob(pattern.replace("{language}", language)))):
            return paths
    return ()


def hub_splits(task: Task, root: Path | None, language: str) -> tuple[tuple[SplitSource, str], ...]:
    """The splits on the Hub that the examples of a language are read from, each with the language to request."""
    if task.benchmark is None:
        return ()
    asked = dict.fromkeys((language, ENGLISH) if task.benchmark.pivot and ENGLISH in task.languages else (language,))
    split_sources = (
        (split_source, name) for name in asked for split_source in _split_sources(task.benchmark, root, name)
    )
    return tuple((split_source, name) for split_source, name in split_sources if split_source.hub)


def unresolved_sources(task: Task, language: str) -> tuple[HubData, ...]:
    """The Hub sources of a language whose commit is not known yet."""
    sources = task.sources_by_language.get(language, task.sources)
    return tuple(source for source in sources if isinstance(source, HubData) and source.commit is None)


def _split_sources(benchmark: Benchmark, root: Path | None, language: str) -> tuple[SplitSource, ...]:
    return native_splits(benchmark, root, language) or _splits_on_hub(benchmark, language)


def _splits_on_hub(benchmark: Benchmark, language: str) -> tuple[SplitSource, ...]:
    places = [place for place in benchmark.hub if place.languages is None or language in place.languages]
    return tuple(SplitSource(split=split, hub=place) for place in places for split in place.splits)


def _bound(task: Task, benchmark: Benchmark, root: Path | None, cache: Path, offline: bool) -> Task:
    split_sources = {language: _split_sources(benchmark, root, language) for language in task.languages}
    lists = _matches(root, benchmark.labels, ENGLISH)[:1] if root and benchmark.labels else ()
    shared = [Files(sums={path.name: sha256_of(path, cache)}, layout="labels") for path in lists]
    shared += image_folders.image_sources(task, root, cache)
    task = replace(task, labels=_read_labels(lists[0]) if lists else task.labels)
    own_sources = {
        language: _sources(task.name, language_splits, language, cache)
        for language, language_splits in split_sources.items()
    }
    english = own_sources.get(ENGLISH, ()) if benchmark.pivot else ()
    by_language = {
        name: (*sources, *(e for e in english if e not in sources and type(e) in map(type, sources)), *shared)
        for name, sources in own_sources.items()
    }
    return replace(
        task,
        sources=tuple(dict.fromkeys(source for sources in (*own_sources.values(), shared) for source in sources)),
        sources_by_language=by_language,
        splits={
            language: tuple(dict.fromkeys(split_source.split for split_source in language_splits))
            for language, language_splits in split_sources.items()
        },
        read=partial(_read, task, benchmark, split_sources, cache, offline),
    )


def _read_labels(path: Path) -> tuple[str, ...]:
    """The classes listed in a JSON file. Raises DataError if it is not a list of strings."""
    try:
        labels = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON: {error.msg}", _NATIVE_HINT) from None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise DataError(f"{path}: not a list of strings", _NATIVE_HINT)
    return tuple(sorted(labels))


def _sources(
    task: str, split_sources: Sequence[SplitSource], language: str, cache: Path
) -> tuple[Files | HubData, ...]:
    """The sources of splits, pinned by checksums or commits."""
    sums = {
        f"{split_source.split}/{path.name}": sha256_of(path, cache)
        for split_source in split_sources
        for path in split_source.paths
    }
    files = (Files(sums=sums, layout=f"{task} {language}"),) if sums else ()
    places = dict.fromkeys(
        (split_source.hub.repository, split_source.hub.revision) for split_source in split_sources if split_source.hub
    )
    commits = [(*place, hub.known_commit(*place, cache=cache)) for place in places]
    return (*files, *(HubData(repository=name, revision=revision, commit=at) for name, revision, at in commits))


def _read(
    task: Task,
    benchmark: Benchmark,
    split_sources: Mapping[str, Sequence[SplitSource]],
    cache: Path,
    offline: bool,
    paths: Paths,
    language: str,
) -> dict[str, Iterator[Example]]:
    fetch = partial(_rows, cache=cache, offline=offline)
    rows_by_split = _by_split(split_sources[language], language, fetch)
    groups = _groups(benchmark, rows_by_split, split_sources, language, fetch)
    return {
        split: _examples(task, split, numbered, groups[split], language) for split, numbered in rows_by_split.items()
    }


def _by_split(
    split_sources: Sequence[SplitSource], language: str, fetch: Callable[[SplitSource, str], Iterator[NumberedRow]]
) -> dict[str, list[NumberedRow]]:
    rows_by_split: dict[str, list[NumberedRow]] = {}
    for split_source in split_sources:
        rows_by_split.setdefault(split_source.split, []).extend(fetch(split_source, language))
    return rows_by_split


def _rows(split_source: SplitSource, language: str, *, cache: Path, offline: bool) -> Iterator[NumberedRow]:
    for path, line, row in _raw_rows(split_source, language, cache=cache, offline=offline):
        for fields in _fields(split_source):
            if (renamed := _rename_fields(path, line, row, fields)) is not None:
                yield path, line, renamed


def _fields(split_source: SplitSource) -> tuple[Fields, ...]:
    """The functions that turn a raw row into examples' fields; a row of the Hub may hold several examples."""
    if split_source.native is not None:
        return (split_source.native.fields,)
    return (split_source.hub.fields, *split_source.hub.more_fields) if split_source.hub else (unchanged,)


def _raw_rows(split_source: SplitSource, language: str, *, cache: Path, offline: bool) -> Iterator[NumberedRow]:
    if split_source.native is not None:
        for path in split_source.paths:
            yield from ((path, line, row) for line, row in split_source.native.read(path))
    if split_source.hub is not None:
        for path in hub.parquet_files(split_source.hub, split_source.split, language, cache=cache, offline=offline):
            yield from ((path, line, row) for line, row in rows(path) if split_source.hub.keep(row, language))


def _rename_fields(path: Path, line: int, row: Row, fields: Fields) -> Row | None:
    """The row by the names of an example's fields. Raises DataError with file and line if a field is missing."""
    try:
        return fields(row)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        what = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise Cells(path, line, row, {}).wrong(f"the row cannot be read: {what}", _NATIVE_HINT) from None


_NATIVE_HINT = "the file does not have the benchmark's published layout; download it again"


def _groups(
    benchmark: Benchmark,
    rows_by_split: Mapping[str, Sequence[NumberedRow]],
    split_sources: Mapping[str, Sequence[SplitSource]],
    language: str,
    fetch: Callable[[SplitSource, str], Iterator[NumberedRow]],
) -> dict[str, list[str]]:
    """The group of every row. With a pivot, a row has the group of its English counterpart, or a group of its own if it
    has none. Counterparts of native files are native files, never on the Hub."""
    groups = _grouped(benchmark, rows_by_split)
    if benchmark.pivot is None or language == ENGLISH:
        return groups
    alike = {bool(split_source.native) for split_source in split_sources[language]}
    english_parts = [
        split_source for split_source in split_sources.get(ENGLISH, ()) if bool(split_source.native) in alike
    ]
    english = _by_split(english_parts, ENGLISH, fetch)
    english_groups = _grouped(benchmark, english)
    return {
        split: _groups_of_english(
            benchmark, numbered, english.get(split, ()), groups[split], english_groups.get(split, ()), language
        )
        for split, numbered in rows_by_split.items()
    }


def _grouped(benchmark: Benchmark, splits: Mapping[str, Sequence[NumberedRow]]) -> dict[str, list[str]]:
    """Groups computed over all splits together, returned by split."""
    names = iter(benchmark.groups([row for numbered in splits.values() for _, _, row in numbered]))
    return {split: [next(names) for _ in numbered] for split, numbered in splits.items()}


def _groups_of_english(
    benchmark: Benchmark,
    numbered: Sequence[NumberedRow],
    english: Sequence[NumberedRow],
    own_groups: Sequence[str],
    english_groups: Sequence[str],
    language: str,
) -> list[str]:
    alone = [f"{language}:{group}" for group in own_groups]
    if benchmark.pivot == "position":
        return list(english_groups) if len(numbered) == len(english) else alone
    group_by_id = {row["id"]: group for (_, _, row), group in zip(english, english_groups, strict=True)}
    return [group_by_id.get(row["id"], group) for (_, _, row), group in zip(numbered, alone, strict=True)]


def _examples(
    task: Task, split: str, numbered: Sequence[NumberedRow], groups: Sequence[str], language: str
) -> Iterator[Example]:
    read, allowed_labels = task.spec.read, set(task.labels)
    for number, ((path, line, row), group) in enumerate(zip(numbered, groups, strict=True)):
        if allowed_labels and row["label"] not in allowed_labels and (split == "train" or split.startswith(SHOTS)):
            continue
        fields = {**row, "group": group}
        cells = Cells(path, line, fields, {name: name for name in fields if fields[name] is not None})
        yield read(cells, f"{split.removesuffix(TRANSLATED)}-{number}", language)


def missing_locally(task: Task, language: str, split: str) -> str | None:
    """The expected file of a missing split, for tasks that are not on the Hub and have other local splits."""
    benchmark, local_splits = task.benchmark, task.splits.get(language)
    if benchmark is None or benchmark.hub or not local_splits or split in local_splits:
        return None
    return next(iter(expected_files(benchmark, language, split)), None)
