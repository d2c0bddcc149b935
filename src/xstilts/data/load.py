"""The examples of a task in one language and split, read once and then kept in the cache."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from xstilts.cache.build_once import build_once
from xstilts.cache.wheels import wheel_path
from xstilts.config.splits import repeats
from xstilts.data.benchmark_files import unresolved_sources
from xstilts.data.splits import split_examples
from xstilts.errors import DataError, SourceError, UserError
from xstilts.problems import Example
from xstilts.tasks.task import Task


def load(task: Task, language: str, split: str, *, cache: Path, offline: bool) -> tuple[Example, ...]:
    """The examples of one language and split, in the order of the reader.

    The parsed examples stay in `cache` under the fingerprint of the task, so a second call parses nothing.
    Raises UserError for a language or split that the task does not have, SourceError if its data cannot be had, or
    come from the Hub at no known commit, DataError if two examples share an id.
    """
    if language not in task.languages:
        raise UserError(f"task {task.name!r} has no language {language!r}", f"it has {', '.join(task.languages)}")
    if open_ := unresolved_sources(task, language):
        raise SourceError(
            f"the Hub was not asked for the commit of {', '.join(source.uri for source in open_)}",
            "run the recipe; only `plan` does without commits",
        )
    folder = cache / "examples" / f"{task.name}-{task.fingerprint(language)[:16]}" / language

    def write_splits(folder: Path) -> None:
        for split, examples in _read(task, language, cache=cache, offline=offline).items():
            write_examples(folder / f"{split}.jsonl", examples)

    build_once(folder, write_splits)
    path = folder / f"{split}.jsonl"
    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in folder.glob("*.jsonl")))
        raise UserError(f"task {task.name!r} has no split {split!r} in {language!r}", f"it has {there}")
    return read_examples(path, task.spec.example)


def read_examples(path: Path, kind: type[Example]) -> tuple[Example, ...]:
    """The examples that `write_examples` wrote."""
    with path.open(encoding="utf-8") as lines:
        return tuple(kind.from_json(json.loads(line)) for line in lines)


def write_examples(path: Path, examples: Iterable[Example]) -> None:
    """Examples of one kind as JSON lines."""
    rows = (json.dumps(_plain(example), ensure_ascii=False, default=asdict) for example in examples)
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def check_labels(examples: Sequence[Example], task: Task) -> None:
    """Raises DataError unless every example has its label."""
    for example in examples:
        if example.target is None:
            raise DataError(
                f"task {task.name!r} has no labels in this split of {example.language!r} (example {example.id!r})",
                "train and score on a split that has labels",
            )


def _read(task: Task, language: str, *, cache: Path, offline: bool) -> dict[str, tuple[Example, ...]]:
    paths = {wheel.package: wheel_path(wheel, cache=cache, offline=offline) for wheel in task.wheels}
    splits = split_examples(task, task.read(paths, language))
    known: set[str] = set()
    for split, examples in splits.items():
        # a benchmark's splits, too, may be subsets of one another
        seen = set() if task.benchmark is not None or repeats(split) else known
        for example in examples:
            if example.id in seen:
                raise DataError(
                    f"task {task.name!r} has two examples with the id {example.id!r} in {language!r}",
                    "give every example an id of its own",
                )
            seen.add(example.id)
    return splits


def _plain(example: Example) -> dict[str, Any]:
    return {field.name: getattr(example, field.name) for field in fields(example)}
