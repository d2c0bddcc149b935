"""The shots of a stage: sampled from pools without the scored items, or a published set."""

import json
from collections.abc import Sequence
from pathlib import Path

from xstilts.config.splits import shots_split
from xstilts.data.leakage import Identity
from xstilts.data.load import check_labels
from xstilts.data.shots import draw
from xstilts.errors import DataError
from xstilts.planning.specs import FewshotStage, MajorityStage
from xstilts.planning.stage import Data, uncapped
from xstilts.problems import Example
from xstilts.stages.job_context import JobContext, Slot

StageWithShots = FewshotStage | MajorityStage

SCORED = Slot[tuple[tuple[Data, ...], str], Identity]("groups and images of the scored splits")
POOL_SIZES = Slot[tuple[tuple[Data, ...], str, str], tuple[int, int]]("examples in pools, and scored ones among them")


def draw_shots(spec: StageWithShots, context: JobContext, labels: Sequence[str]) -> tuple[Example, ...]:
    """The drawn examples, or a published set in its order. Raises DataError if there are none.

    Scored items are never drawn, nor examples that share a group or an image with one, or have a class that is not
    among `labels`, those of the head.
    """
    unit = context.task(spec.evaluation.task).shots_unit
    if fixed := _fixed_shots(spec):
        (data,), split = spec.pools, shots_split(fixed)
        if not (published := trainable_examples(data, split, context, labels)):
            raise DataError(f"no example of {split!r} in {data.language} has a label of the head")
        return published
    scored = _scored(spec, context)
    pools = [
        [example for example in trainable_examples(data, "train", context, labels) if not scored.includes(example)]
        for data in spec.pools
    ]
    return tuple(shot for pool in pools for shot in draw(pool, spec.shots, spec.draw, unit))


def write_shots(folder: Path, shots: Sequence[Example]) -> None:
    """Record the ids of the shots."""
    (folder / "shots.json").write_text(json.dumps([shot.id for shot in shots], ensure_ascii=False))


def pool_sizes(spec: StageWithShots, context: JobContext) -> tuple[int, int]:
    """The number of examples in the pools of shots, and how many of them are scored and so never drawn."""
    if _fixed_shots(spec):
        return 0, 0

    def count() -> tuple[int, int]:
        scored = _scored(spec, context)
        pool = [example for data in spec.pools for example in context.examples(data, "train")]
        return len(pool), sum(map(scored.includes, pool))

    return context.cached(POOL_SIZES, (spec.pools, spec.evaluation.language, spec.split), count)


def trainable_examples(data: Data, split: str, context: JobContext, labels: Sequence[str]) -> tuple[Example, ...]:
    """The examples of a split whose classes are all among the labels of the head."""
    examples = context.examples(data, split)
    check_labels(examples, context.task(data.task), split)
    known = set(labels)
    return tuple(example for example in examples if not known or known.issuperset(example.classes))


def with_new_labels(labels: tuple[str, ...], spec: StageWithShots) -> tuple[str, ...]:
    """The labels of the head with those that only the shots have."""
    return (*labels, *(label for label in spec.new_labels or () if label not in labels))


def _fixed_shots(spec: StageWithShots) -> str | None:
    return spec.fixed_shots if isinstance(spec, FewshotStage) else None


def _scored(spec: StageWithShots, context: JobContext) -> Identity:
    """The identity of all items that the model is scored on, in each of its languages, capped or not. So a cap or the
    scored language does not change the shots."""
    multilingual = spec.multilingual if isinstance(spec, FewshotStage) else None
    languages = tuple(map(uncapped, multilingual or (spec.evaluation,)))

    def make() -> Identity:
        return Identity.of(example for data in languages for example in context.all_examples(data, spec.split))

    return context.cached(SCORED, (languages, spec.split), make)
