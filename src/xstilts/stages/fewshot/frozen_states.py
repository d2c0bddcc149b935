"""Episodes whose head is a classifier of frozen states, fitted to the English examples and the shots."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from xstilts.methods.method import StatesClassifier
from xstilts.models.frozen_states import FrozenStatesModel, labelled_states
from xstilts.models.generic_head import linear_model
from xstilts.models.heads import head_parameters
from xstilts.models.split import backbone
from xstilts.planning.specs import FewshotStage
from xstilts.problems import Example, ProblemName
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
    """The episode's encoder with the fitted head."""
    trained_part, problem = episode_model.trainable.trained_part, episode_model.trainable.problem
    classes = len(episode_model.labels)
    summary = None
    if shots:
        inputs = shot_inputs(spec, context, episode_model, shots)
        summary = classifier.summarise(labelled_states(trained_part, inputs, episode_model.pooling), classes)
    english = _english_summary(classifier, spec, context, episode_model) if spec.trains_on_source else None
    head = classifier.fit(summary, english, classes)
    model = _with_head(episode_model, problem, classifier, head)
    before, after = (
        weights_digest({name: parameter.detach() for name, parameter in head_parameters(module).items()})
        for module in (trained_part, model)
    )
    return TrainingOutcome(fitted=None, before=before, after=after), model


def _with_head(
    episode_model: EpisodeModel, problem: ProblemName, classifier: StatesClassifier, head: Mapping[str, Tensor]
) -> nn.Module:
    """The frozen encoder with the head: a linear layer like that of a trained model where the classifier is linear."""
    encoder, pooling = backbone(episode_model.trainable.trained_part), episode_model.pooling
    if classifier.linear:
        model: nn.Module = linear_model(encoder, problem, pooling, head["weight"], head["bias"])
    else:
        model = FrozenStatesModel(encoder, problem, pooling, classifier, head)
    return model.to(episode_model.trainable.device)


def _english_summary(
    classifier: StatesClassifier, spec: FewshotStage, context: JobContext, episode_model: EpisodeModel
) -> tuple[Tensor, ...]:
    """The summary of the source-language training data, shared by jobs of all languages and by methods with the same
    `summarise`."""
    trained_part, train = episode_model.trainable.trained_part, episode_model.trainable.train
    summary_kind = type(classifier).summarise.__qualname__

    def make() -> tuple[Tensor, ...]:
        inputs = split_inputs(spec.data, "train", context, episode_model, spec.modality)
        return classifier.summarise(
            labelled_states(trained_part, inputs, episode_model.pooling), len(episode_model.labels)
        )

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
