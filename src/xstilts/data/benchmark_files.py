"""Binds a benchmark's task to its data: native files below the data root, or its copy on the Hub."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from xstilts.cache.checksums import sha256_of
from xstilts.cache.sources import Files, HubData
from xstilts.data.benchmark_rows import LAYOUT_HINT, read_language
from xstilts.data.benchmark_splits import ENGLISH, SplitSource, matching_files, split_sources
from xstilts.data.hub_data import known_commit
from xstilts.data.images.local_folders import image_sources
from xstilts.data.splits import split_names
from xstilts.errors import DataError
from xstilts.formats.tables import read_text
from xstilts.tasks.benchmark import Benchmark
from xstilts.tasks.task import Task


class Partition(Protocol):
    """Splits to pool, and the fraction of their groups to assign to each new split."""

    @property
    def pool(self) -> tuple[str, ...]: ...
    @property
    def fractions(self) -> Mapping[str, float]: ...


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


def unresolved_sources(task: Task, language: str) -> tuple[HubData, ...]:
    """The Hub sources of a language whose commit is not known yet."""
    sources = task.sources_by_language.get(language, task.sources)
    return tuple(source for source in sources if isinstance(source, HubData) and source.commit is None)


def _bound(task: Task, benchmark: Benchmark, root: Path | None, cache: Path, offline: bool) -> Task:
    splits = {language: split_sources(benchmark, root, language) for language in task.languages}
    label_files = matching_files(root, benchmark.labels, ENGLISH)[:1] if root and benchmark.labels else ()
    shared = [Files(sums={path.name: sha256_of(path, cache)}, layout="labels") for path in label_files]
    shared += image_sources(task, root, cache)
    task = replace(task, labels=_read_labels(label_files[0]) if label_files else task.labels)
    sources = {language: _pinned_sources(task.name, splits[language], language, cache) for language in splits}
    english = sources.get(ENGLISH, ()) if benchmark.pivot else ()
    return replace(
        task,
        sources=tuple(dict.fromkeys(source for group in (*sources.values(), shared) for source in group)),
        sources_by_language={
            language: (*pinned, *(e for e in english if e not in pinned and type(e) in map(type, pinned)), *shared)
            for language, pinned in sources.items()
        },
        splits={language: tuple(dict.fromkeys(source.split for source in splits[language])) for language in splits},
        read=partial(read_language, task, benchmark, splits, cache, offline),
    )


def _read_labels(path: Path) -> tuple[str, ...]:
    """The classes listed in a JSON file. Raises DataError if it is not a list of strings."""
    try:
        labels = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON: {error.msg}", LAYOUT_HINT) from None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise DataError(f"{path}: not a list of strings", LAYOUT_HINT)
    return tuple(sorted(labels))


def _pinned_sources(
    task: str, splits: Sequence[SplitSource], language: str, cache: Path
) -> tuple[Files | HubData, ...]:
    """The sources of splits, pinned by checksums or commits."""
    sums = {f"{source.split}/{path.name}": sha256_of(path, cache) for source in splits for path in source.paths}
    files = (Files(sums=sums, layout=f"{task} {language}"),) if sums else ()
    revisions = dict.fromkeys((source.hub.repository, source.hub.revision) for source in splits if source.hub)
    return (
        *files,
        *(
            HubData(repository=repository, revision=revision, commit=known_commit(repository, revision, cache=cache))
            for repository, revision in revisions
        ),
    )
