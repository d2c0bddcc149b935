"""Episodes whose head is a classifier of frozen states, fitted to the English examples and the shots."""

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
    """The episode's encoder with the fitted head. English examples are used if the encoder was trained on them."""
    trained_part, problem = episode_model.trainable.trained_part, episode_model.trainable.problem
    classes = len(episode_model.labels)
    inputs = shot_inputs(spec, context, episode_model, shots)
    summary = classifier.summarise(labelled_states(trained_part, inputs), classes)
    english = None if spec.fresh_head else _english_summary(classifier, spec, context, episode_model)
    head = classifier.fit(summary, english, classes)
    model = FrozenStatesModel(backbone(trained_part), problem, classifier, head).to(episode_model.trainable.device)
    before, after = (
        weights_digest({name: parameter.detach() for name, parameter in head_parameters(module).items()})
        for module in (trained_part, model)
    )
    return TrainingOutcome(fitted=None, before=before, after=after), model


def _english_summary(
    classifier: StatesClassifier, spec: FewshotStage, context: JobContext, episode_model: EpisodeModel
) -> tuple[Tensor, ...]:
    """The summary of the source-language training data, shared by jobs of all languages and by methods with the same
    `summarise`."""
    trained_part, train = episode_model.trainable.trained_part, episode_model.trainable.train
    summary_kind = type(classifier).summarise.__qualname__

    def make() -> tuple[Tensor, ...]:
        inputs = split_inputs(spec.data, "train", context, episode_model, spec.modality)
        return classifier.summarise(labelled_states(trained_part, inputs), len(episode_model.labels))

    key = (
        summary_kind,
        spec.parent,
        spec.data,
        train.max_length,
        spec.modality,
        train.precision,
        episode_model.labels,
        torch.get_num_threads(),
    )
    return context.activation_cache.get(key, make)
