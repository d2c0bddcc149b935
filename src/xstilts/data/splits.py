"""The splits of a task: its native ones, or the groups of its split "all", or of those pooled, assigned by hash."""

from collections.abc import Iterable, Mapping

from xstilts.examples import Example
from xstilts.splits import assign
from xstilts.tasks.task import Task

__all__ = ["ALL", "assign", "salt", "split_examples", "split_names"]

ALL = "all"
"""The native split whose groups are to be assigned."""


def salt(task: Task) -> str:
    return task.split_family or task.name


def split_names(task: Task, native: Iterable[str]) -> tuple[str, ...]:
    """The splits that a task has, given those its reader names."""
    names = list(native)
    return tuple(task.fractions) if task.fractions and (task.pool or ALL in names) else tuple(names)


def split_examples(task: Task, native: Mapping[str, Iterable[Example]]) -> dict[str, tuple[Example, ...]]:
    """The examples of each split, in the order of the reader."""
    pooled = task.pool or (ALL,)
    if not task.fractions or not native.keys() & set(pooled):
        return {split: tuple(examples) for split, examples in native.items()}
    found: dict[str, list[Example]] = {split: [] for split in task.fractions}
    for example in (example for split in pooled for example in native.get(split, ())):
        found[assign(example.group, task.fractions, salt(task))].append(example)
    return {split: tuple(examples) for split, examples in found.items()}
