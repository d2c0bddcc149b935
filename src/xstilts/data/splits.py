"""The splits of a task: native splits, or new ones whose groups are assigned by hash."""

from collections.abc import Iterable, Mapping

from xstilts.config.splits import assign
from xstilts.problems import Example
from xstilts.tasks.task import Task

__all__ = ["ALL", "assign", "salt", "split_examples", "split_names"]

ALL = "all"
"""The native split that is divided if a task names no splits to pool."""


def salt(task: Task) -> str:
    """The salt of the hash: tasks with the same `split_family` assign a group to the same split."""
    return task.split_family or task.name


def split_names(task: Task, native: Iterable[str]) -> tuple[str, ...]:
    """The names of a task's splits; `native` are those of its reader."""
    names, pooled = tuple(native), task.pool or (ALL,)
    if not task.fractions or not set(pooled) & set(names):
        return names
    return (*task.fractions, *(name for name in names if name not in pooled and name not in task.fractions))


def split_examples(task: Task, native: Mapping[str, Iterable[Example]]) -> dict[str, tuple[Example, ...]]:
    """The examples of each split, in the order of the reader.

    Native splits that are not pooled are kept, unless a new split has the same name.
    """
    pooled = task.pool or (ALL,)
    if not task.fractions or not native.keys() & set(pooled):
        return {split: tuple(examples) for split, examples in native.items()}
    splits: dict[str, list[Example]] = {split: [] for split in task.fractions}
    for example in (example for split in pooled for example in native.get(split, ())):
        splits[assign(example.group, task.fractions, salt(task))].append(example)
    for split in split_names(task, native)[len(task.fractions) :]:
        splits[split] = list(native[split])
    return {split: tuple(examples) for split, examples in splits.items()}
