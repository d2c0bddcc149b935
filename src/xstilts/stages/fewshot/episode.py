"""One episode: which shots, how the model on the bench is trained on them, and which of its weights are kept."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from torch import Tensor

from xstilts.config.splits import shots_split
from xstilts.data.features import featurise
from xstilts.data.load import check_labels
from xstilts.data.shots import draw
from xstilts.errors import DataError
from xstilts.models.inputs import Feed
from xstilts.models.tuning import adapters, put_back, snapshot, trained
from xstilts.planning.specs import FewshotStage
from xstilts.planning.stage import Data
from xstilts.problems.examples import Example
from xstilts.stages.artifacts import joint_sum
from xstilts.stages.environment import Emit
from xstilts.stages.fewshot.episode_model import Bench, feed_of, settings, whole
from xstilts.stages.job_context import Workshop
from xstilts.stages.progress import steps_to
from xstilts.stages.training import scorer
from xstilts.train.checkpoint import Keeping
from xstilts.train.fit import Fitted, Lesson, fit, seed_of, steps_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What training did; the sums are those of the trained weights."""

    fitted: Fitted | None
    """None where the weights were solved for."""
    before: str
    after: str


Taught = tuple[Learned, dict[str, Tensor]]
"""What training did, and the weights that it left."""


POOL = 2048
"""Examples of a pool that is run through frozen layers as a whole, once for all draws, where what they give fits into
memory; of a larger one only the shots are."""


def shots_of(spec: FewshotStage, workshop: Workshop, bench: Bench) -> tuple[Example, ...]:
    """The drawn examples, or a published set as it is, in its order. Raises DataError where there are none."""
    data = _pool(spec)
    unit = workshop.task(data.task).shots_unit
    if spec.mixed is not None:
        pools = [_known(data, "train", workshop, bench) for data in spec.mixed]
        return tuple(shot for pool in pools for shot in draw(pool, spec.shots, spec.draw, unit))
    if spec.published is not None:
        split = shots_split(spec.published)
        if not (found := _known(data, split, workshop, bench)):
            raise DataError(f"no example of {split!r} in {data.language} has a label that the head knows")
        return found
    return draw(_known(data, "train", workshop, bench), spec.shots, spec.draw, unit)


def shots_feed(spec: FewshotStage, workshop: Workshop, bench: Bench, shots: Sequence[Example]) -> Feed:
    """The shots as the model on the bench reads them."""
    pupil, length, see = bench.pupil, settings(spec).max_length, spec.see

    def make(examples: Sequence[Example]) -> Feed:
        return pupil.feed(featurise(pupil.problem, examples, bench.tokenizer, bench.labels or None, length, see))

    drawn = spec.mixed is None and spec.published is None and pupil.below is not None
    pool = _known(_pool(spec), "train", workshop, bench) if drawn else ()
    if not drawn or len(pool) > POOL:
        return make(shots)
    feed = workshop.once(("pool", id(bench), _pool(spec), see), lambda: make(pool))
    if feed.activations is None:
        return make(shots)
    places: dict[str, list[int]] = {}
    for place, feature in enumerate(feed.features):
        places.setdefault(pool[feature.example].id, []).append(place)
    return feed.subset([place for shot in shots for place in places[shot.id]])


def _pool(spec: FewshotStage) -> Data:
    """What shots are drawn from."""
    return replace(whole(spec.evaluation), language=spec.shots_language)


def _known(data: Data, split: str, workshop: Workshop, bench: Bench) -> tuple[Example, ...]:
    """Examples to train on; those with a class that the head lacks are left out."""
    pool = workshop.examples(data, split)
    check_labels(pool, workshop.task(data.task))
    known = set(bench.labels)
    kept = (e for e in pool if not known or {getattr(e, "label", None), *getattr(e, "tags", ())} - {None} <= known)
    return tuple(kept)


def adapted(spec: FewshotStage, bench: Bench) -> AbstractContextManager[None]:
    """While it lasts, the bench has the adapters that the method trains."""
    if spec.method != "lora" or spec.lora is None:
        return nullcontext()
    seed = seed_of(spec.seed, "lora", *spec.learners, spec.draw)
    return adapters(bench.pupil.part, spec.lora, seed, merge=spec.keep == "all")


def learn(spec: FewshotStage, workshop: Workshop, bench: Bench, shots: Sequence[Example], emit: Emit) -> Learned:
    """Train what is on the bench; a model of several languages once for all of them that the job scores."""
    if spec.mixed is None:
        return _train(spec, workshop, bench, shots, emit)

    def make() -> Taught:
        learned = _train(spec, workshop, bench, shots, emit)
        return learned, snapshot(bench.pupil.part)

    return take(bench, workshop.latest("mixed", spec.training, make))


def take(bench: Bench, taught: Taught) -> Learned:
    """Give the model on the bench weights that were trained before."""
    learned, found = taught
    put_back(bench.pupil.part, found)
    return learned


def fit_seed(spec: FewshotStage) -> int:
    """The seed of an episode's training."""
    return seed_of(spec.seed, "fewshot", spec.evaluation.task, *spec.learners, spec.draw)


def _train(spec: FewshotStage, workshop: Workshop, bench: Bench, shots: Sequence[Example], emit: Emit) -> Learned:
    pupil, train = bench.pupil, settings(spec)
    lessons = [Lesson(model=pupil.part, feed=shots_feed(spec, workshop, bench, shots))]
    order = [0] * steps_of(lessons[0].feed.lengths, train)
    if spec.method == "joint":
        lessons.append(Lesson(model=pupil.part, feed=feed_of(spec.data, "train", workshop, bench, spec.see)))
        order = [0, 1] * len(order)
    before = joint_sum(trained(pupil.part))
    fitted = fit(
        lessons,
        order,
        train,
        seed=fit_seed(spec),
        keeping=_keeping(spec),
        score=_selector(spec, workshop, bench),
        unchanged=bool(spec.unchanged),
        report=steps_to(spec, emit),
    )
    return Learned(fitted=fitted, before=before, after=joint_sum(trained(pupil.part)))


def _keeping(spec: FewshotStage) -> Keeping:
    if spec.selection != "none":
        return "best"
    return "average" if spec.method == "average" else "last"


def _selector(spec: FewshotStage, workshop: Workshop, bench: Bench) -> Callable[[], float] | None:
    if spec.selection == "none":
        return None
    data = spec.data if spec.selection == "english_dev" else whole(spec.evaluation)
    dev = workshop.examples(data, "dev")
    feed = feed_of(data, "dev", workshop, bench, spec.see)
    return scorer(bench.pupil.part, feed, dev, bench.labels, workshop.task(data.task))
