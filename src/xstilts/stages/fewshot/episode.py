"""One episode: which shots, how the model on the bench is trained on them, and which of its weights are kept."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from torch import Tensor, nn

from xstilts.config.splits import shots_split
from xstilts.data.features import featurise
from xstilts.data.load import check_labels
from xstilts.data.shots import draw
from xstilts.errors import DataError
from xstilts.execution.environment import Emit
from xstilts.models.inputs import ModelInputs
from xstilts.models.tuning import adapters, load_weights, snapshot, trained_parameters
from xstilts.planning.specs import FewshotStage
from xstilts.planning.stage import Data, uncapped
from xstilts.problems import Example
from xstilts.stages.artifacts import weights_digest
from xstilts.stages.fewshot.episode_model import EpisodeModel, InputsKey, split_inputs, train_settings
from xstilts.stages.job_context import JobContext, Slot
from xstilts.stages.progress import step_reporter
from xstilts.stages.training import scorer
from xstilts.train.fit import Objective, TrainingResult, fit, seed_of, steps_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOutcome:
    """What training did; the sums are those of the trained weights."""

    fitted: TrainingResult | None
    """None where the weights were solved for."""
    before: str
    after: str


TrainedEpisode = tuple[TrainingOutcome, dict[str, Tensor]]
"""What training did, and the weights that it left."""
EpisodeResult = tuple[TrainingOutcome, nn.Module]
"""What training did, and the model that predicts."""

MULTILINGUAL = Slot[str, TrainedEpisode]("the model of several languages, by its training key", latest_only=True)


MAX_CACHED_POOL = 2048
"""Examples of a pool that is run through frozen layers as a whole, once for all draws, where what they give fits into
memory; of a larger one only the shots are."""


def draw_shots(spec: FewshotStage, context: JobContext, episode_model: EpisodeModel) -> tuple[Example, ...]:
    """The drawn examples, or a published set as it is, in its order. Raises DataError where there are none."""
    unit = context.task(spec.evaluation.task).shots_unit
    if spec.fixed_shots is not None:
        (data,), split = spec.pools, shots_split(spec.fixed_shots)
        if not (found := _known(data, split, context, episode_model)):
            raise DataError(f"no example of {split!r} in {data.language} has a label that the head knows")
        return found
    pools = [_known(data, "train", context, episode_model) for data in spec.pools]
    return tuple(shot for pool in pools for shot in draw(pool, spec.shots, spec.draw, unit))


def shot_inputs(
    spec: FewshotStage, context: JobContext, episode_model: EpisodeModel, shots: Sequence[Example]
) -> ModelInputs:
    """The shots as the model on the bench reads them."""
    trainable, length, modality = episode_model.trainable, train_settings(spec).max_length, spec.modality

    def make(examples: Sequence[Example]) -> ModelInputs:
        return trainable.inputs(
            featurise(
                trainable.problem, examples, episode_model.tokenizer, episode_model.labels or None, length, modality
            )
        )

    drawn = spec.multilingual is None and spec.fixed_shots is None and trainable.first_trained_layer is not None
    pool = _known(spec.pools[0], "train", context, episode_model) if drawn else ()
    if not drawn or len(pool) > MAX_CACHED_POOL:
        return make(shots)
    inputs = episode_model.inputs(InputsKey(spec.pools[0], None, modality), lambda: make(pool))
    if inputs.activations is None:
        return make(shots)
    places: dict[str, list[int]] = {}
    for place, feature in enumerate(inputs.features):
        places.setdefault(pool[feature.example].id, []).append(place)
    return inputs.subset([place for shot in shots for place in places[shot.id]])


def _known(data: Data, split: str, context: JobContext, episode_model: EpisodeModel) -> tuple[Example, ...]:
    """Examples to train on; those with a class that the head lacks are left out."""
    pool = context.examples(data, split)
    check_labels(pool, context.task(data.task))
    known = set(episode_model.labels)
    kept = (example for example in pool if not known or known.issuperset(example.classes))
    return tuple(kept)


def with_adapters(spec: FewshotStage, episode_model: EpisodeModel) -> AbstractContextManager[None]:
    """While it lasts, the bench has the adapters that the method trains."""
    if spec.method.adapters is None:
        return nullcontext()
    seed = seed_of(spec.seed, spec.method.name, *spec.trained_languages, spec.draw)
    return adapters(episode_model.trainable.trained_part, spec.method.adapters, seed, merge=spec.keep == "all")


def train_episode(
    spec: FewshotStage, context: JobContext, episode_model: EpisodeModel, shots: Sequence[Example], emit: Emit
) -> TrainingOutcome:
    """Train what is on the bench; a model of several languages once for all of them that the job scores."""
    if spec.multilingual is None:
        return _train(spec, context, episode_model, shots, emit)

    def make() -> TrainedEpisode:
        outcome = _train(spec, context, episode_model, shots, emit)
        return outcome, snapshot(episode_model.trainable.trained_part)

    return restore_trained(episode_model, context.cached(MULTILINGUAL, spec.training_key, make))


def restore_trained(episode_model: EpisodeModel, trained_episode: TrainedEpisode) -> TrainingOutcome:
    """Give the model on the bench weights that were trained before."""
    outcome, found = trained_episode
    load_weights(episode_model.trainable.trained_part, found)
    return outcome


def training_seed(spec: FewshotStage) -> int:
    """The seed of an episode's training."""
    return seed_of(spec.seed, "fewshot", spec.evaluation.task, *spec.trained_languages, spec.draw)


def _train(
    spec: FewshotStage, context: JobContext, episode_model: EpisodeModel, shots: Sequence[Example], emit: Emit
) -> TrainingOutcome:
    trainable, train = episode_model.trainable, train_settings(spec)
    objectives = [Objective(model=trainable.trained_part, batches=shot_inputs(spec, context, episode_model, shots))]
    order = [0] * steps_of(objectives[0].batches.lengths, train)
    if spec.method.mixes_english:
        objectives.append(
            Objective(
                model=trainable.trained_part,
                batches=split_inputs(spec.data, "train", context, episode_model, spec.modality),
            )
        )
        order = [0, 1] * len(order)
    before = weights_digest(trained_parameters(trainable.trained_part))
    fitted = fit(
        objectives,
        order,
        train,
        seed=training_seed(spec),
        strategy=spec.method.checkpoint if spec.selection == "none" else "best",
        score=_selector(spec, context, episode_model),
        score_initial_weights=bool(spec.unchanged),
        report=step_reporter(spec, emit),
    )
    return TrainingOutcome(
        fitted=fitted, before=before, after=weights_digest(trained_parameters(trainable.trained_part))
    )


def _selector(spec: FewshotStage, context: JobContext, episode_model: EpisodeModel) -> Callable[[], float] | None:
    if spec.selection == "none":
        return None
    data = spec.data if spec.selection == "english_dev" else uncapped(spec.evaluation)
    dev = context.examples(data, "dev")
    inputs = split_inputs(data, "dev", context, episode_model, spec.modality)
    part, labels, thresholds = episode_model.trainable.trained_part, episode_model.labels, episode_model.thresholds
    return scorer(part, inputs, dev, labels, context.task(data.task), thresholds)
