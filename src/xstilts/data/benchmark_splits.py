"""Where the splits of a benchmark are read from: native files below the data root, or the Hub."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xstilts.tasks.benchmark import Benchmark, Hub, Native
from xstilts.tasks.task import Task

ENGLISH = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSource:
    """Where one split of a language is read from: native files, or the Hub."""

    split: str
    paths: tuple[Path, ...] = ()
    native: Native | None = None
    hub: Hub | None = None


def split_sources(benchmark: Benchmark, root: Path | None, language: str) -> tuple[SplitSource, ...]:
    """The native files of a language if there are any below `root`, else its splits on the Hub."""
    if native := _native_splits(benchmark, root, language):
        return native
    datasets = [hub for hub in benchmark.hub if hub.languages is None or language in hub.languages]
    return tuple(SplitSource(split=split, hub=hub) for hub in datasets for split in hub.splits)


def hub_splits(task: Task, root: Path | None, language: str) -> tuple[tuple[SplitSource, str], ...]:
    """The splits on the Hub that the examples of a language are read from, each with the language to request."""
    if task.benchmark is None:
        return ()
    languages = dict.fromkeys(
        (language, ENGLISH) if task.benchmark.pivot and ENGLISH in task.languages else (language,)
    )
    return tuple(
        (source, name) for name in languages for source in split_sources(task.benchmark, root, name) if source.hub
    )


def missing_locally(task: Task, language: str, split: str) -> str | None:
    """The glob pattern of a missing split's file, for tasks that are not on the Hub and have other local splits."""
    benchmark, local_splits = task.benchmark, task.splits.get(language)
    if benchmark is None or benchmark.hub or not local_splits or split in local_splits:
        return None
    layouts = [native.english for native in benchmark.native] if language == ENGLISH else []
    for layout in (*layouts, *(native.files for native in benchmark.native)):
        if patterns := layout.get(split):
            return patterns if isinstance(patterns, str) else patterns[0]
    return None


def matching_files(root: Path, pattern: str, language: str) -> tuple[Path, ...]:
    """The files that match below `root`, else below its folders `text`, `multimodal` or `lowres`; sorted by name."""
    for folder in (root, root / "text", root / "multimodal", root / "lowres"):
        if paths := tuple(
            sorted(folder.glob(pattern.replace("{language}", language)), key=lambda path: (path.name, path))
        ):
            return paths
    return ()


def _native_splits(benchmark: Benchmark, root: Path | None, language: str) -> tuple[SplitSource, ...]:
    if root is None:
        return ()
    sources: list[SplitSource] = []
    for native in benchmark.native:
        known_splits = set() if benchmark.concatenate_layouts else {source.split for source in sources}
        sources += [source for source in _matching_splits(native, root, language) if source.split not in known_splits]
    return tuple(sources)


def _matching_splits(native: Native, root: Path, language: str) -> Iterator[SplitSource]:
    name = native.names.get(language, language)
    for split, patterns in (dict(native.files) | (dict(native.english) if language == ENGLISH else {})).items():
        matches = [
            matching_files(root, pattern, name) for pattern in ((patterns,) if isinstance(patterns, str) else patterns)
        ]
        matches = [paths for paths in matches if paths]
        if not native.every_pattern:
            matches = matches[:1]
        if matches:
            yield SplitSource(split=split, paths=tuple(path for paths in matches for path in paths), native=native)
