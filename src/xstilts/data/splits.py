"""The splits of a task: its native ones, or the groups of its split "all", or of those pooled, assigned by hash."""

from collections.abc import Iterable, Mapping

from xstilts.config.splits import assign
from xstilts.problems import Example
from xstilts.tasks.task import Task

__all__ = ["ALL", "assign", "salt", "split_examples", "split_names"]

ALL = "all"
"""The native split whose groups are to be assigned."""


def salt(task: Task) -> str:
    return task.split_family or task.name


def split_names(task: Task, native: Iterable[str]) -> tuple[str, ...]:
    """The splits that a task has, given those its reader names."""
    names = list(native)
    pooled = task.pool or (ALL,)
    if not task.fractions or not set(pooled) & set(names):
        return tuple(names)
    return (*task.fractions, *(name for name in names if name not in pooled and name not in task.fractions))


def split_examples(task: Task, native: Mapping[str, Iterable[Example]]) -> dict[str, tuple[Example, ...]]:
    """The examples of each split, in the order of the reader. Native splits that are not pooled stay, unless one that
    is made anew has their name."""
    pooled = task.pool or (ALL,)
    if not task.fractions or not native.keys() & set(pooled):
        return {split: tuple(examples) for split, examples in native.items()}
    found: dict[str, list[Example]] = {split: [] for split in task.fractions}
    for example in (example for split in pooled for example in native.get(split, ())):
        found[assign(example.group, task.fractions, salt(task))].append(example)
    for split in split_names(task, native)[len(task.fractions) :]:
        found[split] = list(native[split])
    return {split: tuple(examples) for split, examples in found.items()}
