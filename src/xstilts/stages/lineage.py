"""What an artifact was trained on, through all the stages before it, and that none of it is scored."""

from collections.abc import Iterator

from xstilts.data.load import check_disjoint
from xstilts.engine.store import Store
from xstilts.examples import Example
from xstilts.stages.specs import Data
from xstilts.stages.workshop import Workshop
from xstilts.tasks.task import Task


def trained_on(store: Store, key: str) -> Iterator[Data]:
    """The training data of an artifact and of those it goes back to."""
    manifest = store.manifest(key)
    if manifest is None:
        return
    found = manifest.spec.get("data") if manifest.kind in ("intermediate", "target") else None
    for data in found if isinstance(found, list | tuple) else [found] if found else []:
        yield Data(**data)
    for parent in manifest.inputs:
        yield from trained_on(store, parent)


def check_lineage(workshop: Workshop, key: str, task: Task, evaluation: tuple[Example, ...]) -> list[str]:
    """Refuse an evaluation whose groups were trained on in any stage, whatever the language.

    Only data whose groups mean the same can be compared: the task's own, and those of its split family. Returns the
    names of the tasks that were trained on and could not be compared. Raises LeakError.
    """
    unchecked = set()
    for data in trained_on(workshop.store, key):
        other = workshop.task(data.task)
        if other.name == task.name or (task.split_family and other.split_family == task.split_family):
            check_disjoint(workshop.examples(data, "train"), evaluation, task.name)
        else:
            unchecked.add(data.task)
    return sorted(unchecked)
