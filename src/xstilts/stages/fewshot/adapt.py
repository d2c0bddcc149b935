"""Runs the method of an episode."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from xstilts.methods.frozen_states import FrozenStatesMethod
from xstilts.methods.method import StatesClassifier
from xstilts.models.tuning import trained_parameters
from xstilts.planning.specs import FewshotStage
from xstilts.problems import PROBLEMS, Example, Problem
from xstilts.stages.artifacts import weights_digest
from xstilts.stages.fewshot.batched import train_in_batch
from xstilts.stages.fewshot.episode import EpisodeResult, TrainingOutcome, restore_trained, train_episode, with_adapters
from xstilts.stages.fewshot.episode_model import EpisodeModel
from xstilts.stages.fewshot.frozen_states import fit_head
from xstilts.stages.job_context import JobContext


@dataclass(frozen=True, slots=True, kw_only=True)
class _JobEpisode:
    """Implements `xstilts.methods.method.Episode`."""

    spec: FewshotStage
    context: JobContext
    episode_model: EpisodeModel
    shots: Sequence[Example]

    @property
    def problem(self) -> Problem[Any]:
        return PROBLEMS[self.episode_model.trainable.problem]

    def train(self) -> EpisodeResult:
        outcome = train_episode(self.spec, self.context, self.episode_model, self.shots)
        return outcome, self.episode_model.trainable.trained_part

    def fit_head(self, classifier: StatesClassifier) -> EpisodeResult:
        return fit_head(classifier, self.spec, self.context, self.episode_model, self.shots)


@contextmanager
def adapted(
    spec: FewshotStage, context: JobContext, episode_model: EpisodeModel, shots: Sequence[Example]
) -> Iterator[tuple[TrainingOutcome, nn.Module]]:
    """The outcome and the adapted model, which is valid inside the block. Without shots, a method that trains leaves
    the model as it is."""
    trained_episode = train_in_batch(spec, context, episode_model)
    with with_adapters(spec, episode_model):
        trained_part = episode_model.trainable.trained_part
        if trained_episode:
            yield restore_trained(episode_model, trained_episode), trained_part
        elif not shots and not isinstance(spec.method, FrozenStatesMethod):
            digest = weights_digest(trained_parameters(trained_part))
            yield TrainingOutcome(fitted=None, before=digest, after=digest), trained_part
        else:
            episode = _JobEpisode(spec=spec, context=context, episode_model=episode_model, shots=shots)
            yield spec.method.run(episode)


def thresholds_of(spec: FewshotStage, episode_model: EpisodeModel) -> tuple[float, ...] | None:
    """The target's decision thresholds. They were fitted to the trained head; a closed-form head has calibrated
    logits."""
    return None if isinstance(spec.method, FrozenStatesMethod) else episode_model.thresholds
