"""Episodes whose head is a classifier of frozen states, fitted on the English examples and the shots together."""

from collections.abc import Sequence

import torch
from torch import Tensor

from xstilts.methods.method import StatesClassifier
from xstilts.models.frozen_states import FrozenStatesModel, labelled_states
from xstilts.models.heads import head_parameters
from xstilts.models.split import backbone
from xstilts.planning.specs import FewshotStage
from xstilts.problems import Example
from xstilts.stages.artifacts import weights_digest
from xstilts.stages.fewshot.episode import EpisodeResult, TrainingOutcome, shot_inputs
from xstilts.stages.fewshot.episode_model import EpisodeModel, split_inputs
from xstilts.stages.job_context import JobContext


def fit_head(
    classifier: StatesClassifier,
    spec: FewshotStage,
    context: JobContext,
    episode_model: EpisodeModel,
    shots: Sequence[Example],
) -> EpisodeResult:
    """The episode's encoder under another head. English examples count where the encoder was trained on them."""
    part, problem = episode_model.trainable.trained_part, episode_model.trainable.problem
    classes = len(episode_model.labels)
    inputs = shot_inputs(spec, context, episode_model, shots)
    summary = classifier.summarise(labelled_states(part, inputs), classes)
    english = None if spec.fresh_head else _english(classifier, spec, context, episode_model)
    head = classifier.fit(summary, english, classes)
    model = FrozenStatesModel(backbone(part), problem, classifier, head).to(episode_model.trainable.device)
    before, after = (weights_digest({n: p.detach() for n, p in head_parameters(m).items()}) for m in (part, model))
    return TrainingOutcome(fitted=None, before=before, after=after), model


def _english(
    classifier: StatesClassifier, spec: FewshotStage, context: JobContext, episode_model: EpisodeModel
) -> tuple[Tensor, ...]:
    """The summary of the training data in the source language: the same in every language's job, and for every method
    that summarises states alike."""
    part, train = episode_model.trainable.trained_part, episode_model.trainable.train
    kind = type(classifier).summarise.__qualname__

    def make() -> tuple[Tensor, ...]:
        inputs = split_inputs(spec.data, "train", context, episode_model, spec.modality)
        return classifier.summarise(labelled_states(part, inputs), len(episode_model.labels))

    key = kind, spec.parent, spec.data, train.max_length, spec.modality, train.precision, torch.get_num_threads()
    return context.activation_cache.get(key, make)
