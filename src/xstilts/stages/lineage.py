"""What an artifact was trained on, through all the stages before it, and that none of it is scored."""

from collections.abc import Iterable, Iterator

from xstilts.data.leaks import check_disjoint, check_texts, long_texts
from xstilts.engine.store import Store
from xstilts.examples import Example
from xstilts.results import MASKED_TEXTS
from xstilts.stages.stage import Data
from xstilts.stages.workshop import Workshop
from xstilts.tasks.task import Task, related


def trained_on(store: Store, key: str) -> Iterator[tuple[Data, str]]:
    """The training data, with their split, of an artifact and of those it goes back to."""
    manifest = store.manifest(key)
    if manifest is None:
        return
    found = manifest.spec.get("data") if manifest.kind in ("align", "intermediate", "target") else None
    for data in found if isinstance(found, list | tuple) else [found] if found else []:
        yield Data(**data), manifest.spec["split"] if manifest.kind == "align" else "train"
    for parent in manifest.inputs:
        yield from trained_on(store, parent)


def check_lineage(workshop: Workshop, key: str, task: Task, evaluation: tuple[Example, ...]) -> list[str]:
    """Refuse an evaluation whose groups were trained on in any stage, whatever the language.

    Only data whose groups mean the same can be compared by them: the task's own, and those of its split family. Any
    other task's are compared by their long texts, word for word, and named in what is returned: a translation or a
    paraphrase of a scored item would not be seen. Raises LeakError.
    """
    unchecked = {MASKED_TEXTS} if _read_texts(workshop.store, key) else set()
    for data, split in trained_on(workshop.store, key):
        if related(task, workshop.task(data.task)):
            check_disjoint(workshop.examples(data, split), evaluation, task.name)
        else:
            own = workshop.once(("long texts", data, split), lambda d=data, s=split: _long(workshop.examples(d, s)))
            check_texts(own, evaluation, data.task)
            unchecked.add(data.task)
    return sorted(unchecked)


def _long(examples: Iterable[Example]) -> frozenset[str]:
    return frozenset(text for example in examples for text in long_texts(example))


def _read_texts(store: Store, key: str) -> bool:
    manifest = store.manifest(key)
    return bool(manifest) and (bool(manifest.spec.get("mlm")) or any(_read_texts(store, k) for k in manifest.inputs))
