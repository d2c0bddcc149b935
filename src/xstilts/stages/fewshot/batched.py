"""Few-shot episodes that train in one batch."""

from collections.abc import Sequence
from contextlib import suppress

from torch import Tensor

from xstilts.errors import StageError
from xstilts.models.inputs import ModelInputs
from xstilts.models.speed.episode_batch import batch_episodes, can_batch_episodes
from xstilts.models.tuning import snapshot, split_head, trained_parameters
from xstilts.planning.specs import FewshotStage
from xstilts.stages.artifacts import weights_digest
from xstilts.stages.fewshot.episode import (
    TrainedEpisode,
    TrainingOutcome,
    shot_inputs,
    training_seed,
    with_adapters,
)
from xstilts.stages.fewshot.episode_model import EpisodeModel, train_settings
from xstilts.stages.job_context import JobContext, Slot
from xstilts.stages.shots import draw_shots
from xstilts.train.batched import fit_episode_batch
from xstilts.train.fit import steps_of

EpisodeId = tuple[int, int]
"""Shots and draw."""

EPISODE_BATCHES = Slot[str, dict[EpisodeId, TrainedEpisode]]("episodes trained in one batch, by the key of the first")


def train_in_batch(spec: FewshotStage, context: JobContext, episode_model: EpisodeModel) -> TrainedEpisode | None:
    """The result of an episode that trains in a batch; the first call of a job trains the whole batch.

    None if the episode has to train alone. The episode model keeps its initial weights.
    """
    if not spec.batched_with or episode_model.trainable.image_lookup is not None:
        return None
    specs = spec.episode_batch
    results = context.cached(EPISODE_BATCHES, specs[0].key, lambda: _train_all(specs, context, episode_model))
    return results.get((spec.shots, spec.draw))


def _train_all(
    specs: Sequence[FewshotStage], context: JobContext, episode_model: EpisodeModel
) -> dict[EpisodeId, TrainedEpisode]:
    """Results by shots and draw, without the episodes that cannot be trained in a batch."""
    with with_adapters(specs[0], episode_model):
        can_batch = can_batch_episodes(episode_model.trainable.trained_part, episode_model.trainable.problem)
    episode_model.reset()
    if not can_batch:
        return {}
    by_steps: dict[int, list[tuple[FewshotStage, ModelInputs]]] = {}
    for spec in specs:
        inputs = shot_inputs(spec, context, episode_model, draw_shots(spec, context, episode_model.labels))
        by_steps.setdefault(steps_of(inputs.lengths, train_settings(spec)), []).append((spec, inputs))
    results: dict[EpisodeId, TrainedEpisode] = {}
    for steps, members in sorted(by_steps.items()):
        # an episode whose loss is not finite fails when it trains alone, and the others train alone, too
        with suppress(StageError):
            results |= _train(members, steps, episode_model)
    episode_model.reset()
    return results


def _train(
    members: Sequence[tuple[FewshotStage, ModelInputs]], steps: int, episode_model: EpisodeModel
) -> dict[EpisodeId, TrainedEpisode]:
    """Train episodes with the same number of steps."""
    specs, all_inputs = [spec for spec, _ in members], [inputs for _, inputs in members]
    all_initial = [_initial_weights(spec, episode_model) for spec in specs]
    episode_model.reset()
    seeds = [training_seed(spec) for spec in specs]
    with with_adapters(specs[0], episode_model):
        trained_part = episode_model.trainable.trained_part
        names = {id(parameter): name for name, parameter in trained_parameters(trained_part).items()}
        head = frozenset(names[id(parameter)] for parameter in split_head(trained_part)[1])
        episode_batch = batch_episodes(trained_part, all_initial, seeds)
        train = train_settings(specs[0])
        fitted = fit_episode_batch(episode_batch, all_inputs, steps, train, seeds=seeds, head=head)
    results: dict[EpisodeId, TrainedEpisode] = {}
    for number, (spec, result, initial) in enumerate(zip(specs, fitted, all_initial, strict=True)):
        weights = episode_batch.weights(number)
        before, after = weights_digest(initial), weights_digest(weights)
        results[spec.shots, spec.draw] = TrainingOutcome(fitted=result, before=before, after=after), weights
    return results


def _initial_weights(spec: FewshotStage, episode_model: EpisodeModel) -> dict[str, Tensor]:
    """The initial weights of an episode, including its adapters."""
    episode_model.reset()
    with with_adapters(spec, episode_model):
        return snapshot(episode_model.trainable.trained_part)
