"""The tasks: one file each. A name is found without importing any of them."""

import importlib
from difflib import get_close_matches
from pathlib import Path

from xstilts.errors import UserError
from xstilts.tasks.task import Task

_NOT_TASKS = ("__init__", "benchmark", "suites", "task")


def task_names() -> tuple[str, ...]:
    """The names of all tasks, from the names of their files; a leading underscore marks what tasks share."""
    stems = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return tuple(sorted(s.replace("_", "-") for s in stems if s not in _NOT_TASKS and not s.startswith("_")))


def load_task(name: str) -> Task:
    """The task of that name; imports only its file. Raises UserError where there is none."""
    names = task_names()
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
        raise UserError(f"there is no task {name!r}", hint)
    return importlib.import_module(f"xstilts.tasks.{name.replace('-', '_')}").TASK
