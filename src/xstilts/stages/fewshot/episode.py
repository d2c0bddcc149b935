"""One episode: its shots, and training on them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from torch import Tensor, nn

from xstilts.data.features import featurise
from xstilts.methods.lda_settings import LdaSettings
from xstilts.models.inputs import ModelInputs
from xstilts.models.tuning import adapters, load_weights, snapshot, trained_parameters
from xstilts.planning.specs import FewshotStage
from xstilts.planning.stage import uncapped
from xstilts.problems import Example
from xstilts.stages.artifacts import weights_digest
from xstilts.stages.fewshot.episode_model import EpisodeModel, InputsKey, split_inputs, train_settings
from xstilts.stages.job_context import JobContext, Slot
from xstilts.stages.shots import trainable_examples
from xstilts.stages.training import scorer
from xstilts.train.fit import Objective, TrainingResult, fit, seed_of, steps_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOutcome:
    """The result of training; `before` and `after` are digests of the trained weights."""

    fitted: TrainingResult | None
    """None for a closed-form head."""
    before: str
    after: str
    settings: LdaSettings | None = None
    """Of a closed-form head, if they were selected."""


TrainedEpisode = tuple[TrainingOutcome, dict[str, Tensor]]
"""Outcome and trained weights."""
EpisodeResult = tuple[TrainingOutcome, nn.Module]
"""Outcome and the model for prediction."""

MULTILINGUAL = Slot[str, TrainedEpisode]("multilingual model, by its training key", latest_only=True)

MAX_CACHED_POOL = 2048
"""Up to this size, frozen layers run once on the whole pool for all draws, if the activations fit into memory.
Otherwise they run on the shots of each draw."""


def shot_inputs(
    spec: FewshotStage, context: JobContext, episode_model: EpisodeModel, shots: Sequence[Example]
) -> ModelInputs:
    """Inputs of the episode model for the shots; rows of the pool's cached activations if possible."""
    first_trained_layer = episode_model.trainable.first_trained_layer
    if spec.multilingual is not None or spec.fixed_shots is not None or first_trained_layer is None:
        return example_inputs(spec, episode_model, shots)
    pool = trainable_examples(spec.pools[0], "train", context, episode_model.labels)
    if len(pool) > MAX_CACHED_POOL:
        return example_inputs(spec, episode_model, shots)
    key = InputsKey(spec.pools[0], None, spec.modality)
    inputs = episode_model.inputs(key, lambda: example_inputs(spec, episode_model, pool))
    if inputs.activations is None:
        return example_inputs(spec, episode_model, shots)
    rows_by_id: dict[str, list[int]] = {}
    for row, feature in enumerate(inputs.features):
        rows_by_id.setdefault(pool[feature.example].id, []).append(row)
    return inputs.subset([row for shot in shots for row in rows_by_id[shot.id]])


def example_inputs(spec: FewshotStage, episode_model: EpisodeModel, examples: Sequence[Example]) -> ModelInputs:
    """Inputs of the episode model for labelled examples."""
    trainable, labels = episode_model.trainable, episode_model.labels or None
    length = train_settings(spec).max_length
    features = featurise(trainable.problem, examples, episode_model.tokenizer, labels, length, spec.modality)
    return trainable.inputs(features)


def with_adapters(spec: FewshotStage, episode_model: EpisodeModel) -> AbstractContextManager[None]:
    """A context in which the episode model has the adapters of the method, if any."""
    if spec.method.adapters is None:
        return nullcontext()
    seed = seed_of(spec.seed, spec.method.name, *spec.trained_languages, spec.draw)
    return adapters(episode_model.trainable.trained_part, spec.method.adapters, seed, merge=spec.keep == "all")


def train_episode(
    spec: FewshotStage, context: JobContext, episode_model: EpisodeModel, shots: Sequence[Example]
) -> TrainingOutcome:
    """Train the episode model. A multilingual model trains once for all languages that the job scores."""
    if spec.multilingual is None:
        return _train(spec, context, episode_model, shots)

    def make() -> TrainedEpisode:
        outcome = _train(spec, context, episode_model, shots)
        return outcome, snapshot(episode_model.trainable.trained_part)

    return restore_trained(episode_model, context.cached(MULTILINGUAL, spec.training_key, make))


def restore_trained(episode_model: EpisodeModel, trained_episode: TrainedEpisode) -> TrainingOutcome:
    """Load the weights of a trained episode into the episode model."""
    outcome, weights = trained_episode
    load_weights(episode_model.trainable.trained_part, weights)
    return outcome


def training_seed(spec: FewshotStage) -> int:
    return seed_of(spec.seed, "fewshot", spec.evaluation.task, *spec.trained_languages, spec.draw)


def _train(
    spec: FewshotStage, context: JobContext, episode_model: EpisodeModel, shots: Sequence[Example]
) -> TrainingOutcome:
    trainable, train = episode_model.trainable, train_settings(spec)
    objectives = [Objective(model=trainable.trained_part, batches=shot_inputs(spec, context, episode_model, shots))]
    schedule = [0] * steps_of(objectives[0].batches.lengths, train)
    if spec.method.mixes_english:
        english = split_inputs(spec.data, "train", context, episode_model, spec.modality)
        objectives.append(Objective(model=trainable.trained_part, batches=english))
        schedule = [0, 1] * len(schedule)
    before = weights_digest(trained_parameters(trainable.trained_part))
    fitted = fit(
        objectives,
        schedule,
        train,
        seed=training_seed(spec),
        strategy=spec.method.checkpoint if spec.selection == "none" else "best",
        score=_selection_score(spec, context, episode_model),
        score_initial_weights=bool(spec.unchanged),
    )
    after = weights_digest(trained_parameters(trainable.trained_part))
    return TrainingOutcome(fitted=fitted, before=before, after=after)


def _selection_score(
    spec: FewshotStage, context: JobContext, episode_model: EpisodeModel
) -> Callable[[], float] | None:
    if spec.selection == "none":
        return None
    data = spec.data if spec.selection == "english_dev" else uncapped(spec.evaluation)
    dev = context.examples(data, "dev")
    inputs = split_inputs(data, "dev", context, episode_model, spec.modality)
    labels, thresholds = episode_model.labels, episode_model.thresholds
    return scorer(episode_model.trainable.trained_part, inputs, dev, labels, context.task(data.task), thresholds)
