"""Episodes whose head is solved for: linear discriminants on the English examples and the shots together."""

from collections.abc import Sequence

import torch
from torch import Tensor

from xstilts.config.training import Lda
from xstilts.models.discriminant import Discriminant, Moments, moments, solve
from xstilts.models.heads import head_parameters
from xstilts.models.split import backbone
from xstilts.planning.specs import FewshotStage
from xstilts.problems import Example
from xstilts.stages.artifacts import weights_digest
from xstilts.stages.fewshot.episode import TrainingOutcome, shot_inputs
from xstilts.stages.fewshot.episode_model import EpisodeModel, split_inputs
from xstilts.stages.job_context import JobContext


def fit_lda(
    spec: FewshotStage, context: JobContext, episode_model: EpisodeModel, shots: Sequence[Example]
) -> tuple[TrainingOutcome, Discriminant]:
    """The model on the bench under another head. English examples count where the encoder was trained on them."""
    part, problem = episode_model.trainable.trained_part, episode_model.trainable.problem
    found = moments(part, shot_inputs(spec, context, episode_model, shots), len(episode_model.labels))
    if not spec.fresh_head:
        found += _english(spec, context, episode_model)
    weight, bias = solve(found, (spec.lda or Lda()).shrinkage)
    model = Discriminant(backbone(part), problem, weight, bias).to(episode_model.trainable.device)
    before, after = (weights_digest({n: p.detach() for n, p in head_parameters(m).items()}) for m in (part, model))
    return TrainingOutcome(fitted=None, before=before, after=after), model


def _english(spec: FewshotStage, context: JobContext, episode_model: EpisodeModel) -> Moments:
    """Of the training data in the source language: the same in every language's job."""
    part, train = episode_model.trainable.trained_part, episode_model.trainable.train

    def make() -> list[Tensor]:
        found = moments(
            part, split_inputs(spec.data, "train", context, episode_model, spec.modality), len(episode_model.labels)
        )
        return [found.counts, found.sums, found.products]

    key = "moments", spec.parent, spec.data, train.max_length, spec.modality, train.precision, torch.get_num_threads()
    return Moments(*context.activation_cache.get(key, make))
