"""What comes with the package: tasks and encoders. No torch."""

from typing import Any

from xstilts.encoders import EncoderCard, catalogue
from xstilts.errors import UserError
from xstilts.tasks import load_task, task_names
from xstilts.tasks.task import Library, Task, Wheel


def list_tasks(suite: str | None = None) -> tuple[Task, ...]:
    """The shipped tasks, or those of a suite. Raises UserError for a suite that there is not."""
    tasks = tuple(map(load_task, task_names()))
    if suite is None:
        return tasks
    if not (found := tuple(task for task in tasks if suite in task.suite)):
        suites = sorted({name for task in tasks for name in task.suite})
        raise UserError(f"there is no suite {suite!r}", f"there is {', '.join(suites)}")
    return found


def describe_task(task: Task) -> dict[str, Any]:
    """A task as plain data."""
    return {
        "name": task.name,
        "problem": task.problem,
        "suite": list(task.suite),
        "languages": list(task.languages),
        "splits": {language: dict(sizes) for language, sizes in task.sizes.items()},
        "source": [source.uri for source in task.sources],
        "revision": [_revision(source) for source in task.sources],
        "licence": task.licence,
        "metric": task.metric,
        "citation": task.citation,
        "url": task.url,
        "weaknesses": list(task.weaknesses),
    }


def _revision(source: object) -> str:
    match source:
        case Wheel():
            return f"{source.version} sha256:{source.sha256}"
        case Library():
            return source.version
        case _:
            return ""


def list_encoders() -> tuple[EncoderCard, ...]:
    """The encoders that have a name; any Hub id or local folder works too."""
    return catalogue()
