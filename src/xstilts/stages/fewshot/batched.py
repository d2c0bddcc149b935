"""Few-shot episodes that are trained side by side: which go together, and what each of them learns."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby

from torch import Tensor

from xstilts.errors import StageError
from xstilts.execution.environment import Emit
from xstilts.models.inputs import ModelInputs
from xstilts.models.speed.episode_batch import batch_episodes, can_batch_episodes
from xstilts.models.tuning import snapshot, split_head, trained_parameters
from xstilts.planning.specs import FewshotStage
from xstilts.stages.artifacts import weights_digest
from xstilts.stages.fewshot.episode import (
    TrainedEpisode,
    TrainingOutcome,
    draw_shots,
    shot_inputs,
    training_seed,
    with_adapters,
)
from xstilts.stages.fewshot.episode_model import EpisodeModel, train_settings
from xstilts.stages.job_context import JobContext, Slot
from xstilts.stages.progress import step_reporter
from xstilts.train.batched import fit_episode_batch
from xstilts.train.fit import steps_of

Member = tuple[FewshotStage, ModelInputs, int]
"""An episode, its shots, and the steps that it trains."""
EpisodeId = tuple[int, int]
"""The number of its shots, and its draw."""

EPISODE_BATCHES = Slot[str, dict[EpisodeId, TrainedEpisode]]("episodes trained side by side, by the key of the first")


def train_in_batch(
    spec: FewshotStage, context: JobContext, episode_model: EpisodeModel, emit: Emit
) -> TrainedEpisode | None:
    """What an episode learns beside the others of its lineup, all of which are trained at the first call of a job.

    None where it is trained alone. The bench is left as it was.
    """
    if not spec.batched_with or episode_model.trainable.image_lookup is not None:
        return None
    episode_batch = spec.episode_batch
    found = context.cached(
        EPISODE_BATCHES, episode_batch[0].key, lambda: _teach(episode_batch, context, episode_model, emit)
    )
    return found.get((spec.shots, spec.draw))


def _teach(
    episode_batch: Sequence[FewshotStage], context: JobContext, episode_model: EpisodeModel, emit: Emit
) -> dict[EpisodeId, TrainedEpisode]:
    """What the episodes learn, by their shots and draw, without those that cannot be trained side by side."""
    with with_adapters(episode_batch[0], episode_model):
        fit = can_batch_episodes(episode_model.trainable.trained_part, episode_model.trainable.problem)
    episode_model.reset()
    if not fit:
        return {}
    members: list[Member] = []
    for spec in episode_batch:
        inputs = shot_inputs(spec, context, episode_model, draw_shots(spec, context, episode_model))
        members.append((spec, inputs, steps_of(inputs.lengths, train_settings(spec))))
    found: dict[EpisodeId, TrainedEpisode] = {}
    for together in _rows(members):
        with suppress(StageError):  # one whose loss is not finite says so where it trains alone, and stops no other
            found |= _train(together, episode_model, emit)
    episode_model.reset()
    return found


def _rows(members: Sequence[Member]) -> Iterator[list[Member]]:
    """Episodes of equal steps."""
    for _, found in groupby(sorted(members, key=lambda member: member[2]), key=lambda member: member[2]):
        yield list(found)


def _train(members: Sequence[Member], episode_model: EpisodeModel, emit: Emit) -> dict[EpisodeId, TrainedEpisode]:
    specs, all_inputs = [spec for spec, _, _ in members], [inputs for _, inputs, _ in members]
    initial = [_initial(spec, episode_model) for spec in specs]
    episode_model.reset()
    seeds = [training_seed(spec) for spec in specs]
    with with_adapters(specs[0], episode_model):
        part = episode_model.trainable.trained_part
        names = {id(parameter): name for name, parameter in trained_parameters(part).items()}
        head = frozenset(names[id(parameter)] for parameter in split_head(part)[1])
        episode_batch = batch_episodes(part, initial, seeds)
        train, steps, report = train_settings(specs[0]), members[0][2], step_reporter(specs[0], emit)
        fitted = fit_episode_batch(episode_batch, all_inputs, steps, train, seeds=seeds, head=head, report=report)
    left = [episode_batch.weights(number) for number in range(len(specs))]
    return {
        (spec.shots, spec.draw): (
            TrainingOutcome(fitted=own, before=weights_digest(first), after=weights_digest(last)),
            last,
        )
        for spec, own, first, last in zip(specs, fitted, initial, left, strict=True)
    }


def _initial(spec: FewshotStage, episode_model: EpisodeModel) -> dict[str, Tensor]:
    """The weights that an episode begins with, its adapters among them."""
    episode_model.reset()
    with with_adapters(spec, episode_model):
        return snapshot(episode_model.trainable.trained_part)
