"""The training data of an artifact and its ancestors, and the check that none of them are scored."""

from collections.abc import Iterator, Sequence

from xstilts.data.leakage import (
    Identity,
    check_disjoint,
    check_texts,
    count_shared,
    images_in,
    long_texts,
    shared_images,
    unmapped_images,
)
from xstilts.planning.stage import CorpusRead, Data, SplitRead
from xstilts.problems import Example
from xstilts.stages.job_context import JobContext, Slot
from xstilts.store.files import IMAGES_OF, MASKED_TEXTS
from xstilts.store.store import Store
from xstilts.tasks.task import Task, groups_comparable, overlap_as_published

LONG_TEXTS = Slot[tuple[Data, str], frozenset[str]]("long texts of a split")
IDENTITIES = Slot[tuple[Data, str], Identity]("groups and images of a split")
IMAGES = Slot[tuple[Data, str], frozenset[str]]("images that a split shows")


def trained_on(store: Store, key: str | None) -> Iterator[tuple[Data, str]]:
    """The training data of an artifact and its ancestors, each with its split; none without a key."""
    for read in _training_reads(store, key):
        if isinstance(read, SplitRead):
            yield read.data, read.split


def _training_reads(store: Store, key: str | None) -> Iterator[SplitRead | CorpusRead]:
    manifest = None if key is None else store.manifest(key)
    if manifest is None:
        return
    yield from (read for read in manifest.reads if read.role == "train")
    for parent in manifest.inputs:
        yield from _training_reads(store, parent)


def check_lineage(
    context: JobContext,
    key: str | None,
    task: Task,
    split: str,
    evaluation: Sequence[Example],
    reads: Sequence[SplitRead] = (),
) -> list[str]:
    """Check that no group of the evaluation was trained on in any stage, in any language. Raises LeakError.

    `split` is the scored split, and `reads` are training data of the scored stage itself. Groups are comparable only
    within a task and its split family. Published splits of one task may overlap; `count_items_trained_on` counts that.
    Other tasks are checked for identical long texts, which misses translations and paraphrases of scored items. The
    returned list names the data that could not be fully checked: these tasks, and pairs of tasks whose image
    collections cannot be mapped to each other.
    """
    corpora = [read for read in _training_reads(context.store, key) if isinstance(read, CorpusRead)]
    unchecked = {MASKED_TEXTS} if corpora else set()
    for data, trained_split in _trained_on(context, key, reads):
        trained = context.task(data.task)
        if overlap_as_published(task, split, trained, trained_split):
            continue
        if groups_comparable(task, trained):
            check_disjoint(context.examples(data, trained_split), evaluation, task.name)
        else:
            check_texts(_long_texts(context, data, trained_split), evaluation, data.task)
            unchecked.add(data.task)
            if pair := unmapped_images(_images(context, data, trained_split), images_in(evaluation)):
                unchecked.add(f"{IMAGES_OF}{data.task} ({pair[0]}) against {task.name} ({pair[1]})")
    return sorted(unchecked)


def count_items_trained_on(
    context: JobContext,
    key: str | None,
    task: Task,
    split: str,
    evaluation: Sequence[Example],
    reads: Sequence[SplitRead] = (),
    published_shots: Sequence[Example] = (),
) -> int:
    """The number of scored items that published training splits of the same task contain, in any language.

    Published few-shot sets are compared by group only; their images are counted separately.
    """
    trained = dict.fromkeys(
        read
        for read in _trained_on(context, key, reads)
        if overlap_as_published(task, split, context.task(read[0].task), read[1])
    )
    identities = [_identity(context, data, trained_split) for data, trained_split in trained]
    shots = Identity(groups=frozenset(shot.group for shot in published_shots), images=frozenset())
    return count_shared([*identities, shots], evaluation)


def _trained_on(context: JobContext, key: str | None, reads: Sequence[SplitRead]) -> Iterator[tuple[Data, str]]:
    yield from trained_on(context.store, key)
    yield from ((read.data, read.split) for read in reads)


def _identity(context: JobContext, data: Data, split: str) -> Identity:
    return context.cached(IDENTITIES, (data, split), lambda: Identity.of(context.examples(data, split)))


def count_shared_images(context: JobContext, key: str, task: Task, evaluation: tuple[Example, ...]) -> dict[str, int]:
    """The number of scored images that were trained on, for each other task with the same image collections.

    They are counted, not refused: benchmarks share photographs, with different texts and labels.
    """
    trained: dict[str, frozenset[str]] = {}
    scored = images_in(evaluation)
    for data, split in trained_on(context.store, key) if scored else ():
        if not groups_comparable(task, context.task(data.task)):
            trained[data.task] = trained.get(data.task, frozenset()) | _images(context, data, split)
    counts = {name: shared_images(images, scored) for name, images in sorted(trained.items())}
    return {name: count for name, count in counts.items() if count is not None}


def _images(context: JobContext, data: Data, split: str) -> frozenset[str]:
    return context.cached(IMAGES, (data, split), lambda: images_in(context.examples(data, split)))


def _long_texts(context: JobContext, data: Data, split: str) -> frozenset[str]:
    def make() -> frozenset[str]:
        return frozenset(text for example in context.examples(data, split) for text in long_texts(example))

    return context.cached(LONG_TEXTS, (data, split), make)
