"""The tasks, one file each; only the file of a requested task is imported."""

import importlib
from pathlib import Path

from xstilts.errors import UserError, did_you_mean
from xstilts.tasks.task import Task

_NOT_TASKS = ("__init__", "benchmark", "suites", "task")


def task_names() -> tuple[str, ...]:
    """The names of all tasks, from their file names; files with a leading underscore hold shared code."""
    stems = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return tuple(sorted(s.replace("_", "-") for s in stems if s not in _NOT_TASKS and not s.startswith("_")))


def load_task(name: str) -> Task:
    """The task of that name; imports only its file. Raises UserError if there is none."""
    names = task_names()
    if name not in names:
        raise UserError(f"unknown task {name!r}", did_you_mean(name, names))
    return importlib.import_module(f"xstilts.tasks.{name.replace('-', '_')}").TASK
