"""Episodes whose head is solved for: linear discriminants on the English examples and the shots together."""

from collections.abc import Sequence

import torch
from torch import Tensor

from xstilts.config.training import Lda
from xstilts.models.discriminant import Discriminant, Moments, moments, solve
from xstilts.models.heads import head_parameters
from xstilts.models.split import backbone
from xstilts.planning.specs import FewshotStage
from xstilts.problems.examples import Example
from xstilts.stages.artifacts import joint_sum
from xstilts.stages.fewshot.episode import Learned, shots_feed
from xstilts.stages.fewshot.episode_model import Bench, feed_of
from xstilts.stages.job_context import Workshop


def solved(
    spec: FewshotStage, workshop: Workshop, bench: Bench, shots: Sequence[Example]
) -> tuple[Learned, Discriminant]:
    """The model on the bench under another head. English examples count where the encoder was trained on them."""
    part, problem = bench.pupil.part, bench.pupil.problem
    found = moments(part, shots_feed(spec, workshop, bench, shots), len(bench.labels))
    if not spec.fresh_head:
        found += _english(spec, workshop, bench)
    weight, bias = solve(found, (spec.lda or Lda()).shrinkage)
    model = Discriminant(backbone(part), problem, weight, bias).to(bench.pupil.device)
    before, after = (joint_sum({n: p.detach() for n, p in head_parameters(m).items()}) for m in (part, model))
    return Learned(fitted=None, before=before, after=after), model


def _english(spec: FewshotStage, workshop: Workshop, bench: Bench) -> Moments:
    """Of the training data in the source language: the same in every language's job."""
    part, train = bench.pupil.part, bench.pupil.train

    def make() -> list[Tensor]:
        found = moments(part, feed_of(spec.data, "train", workshop, bench, spec.see), len(bench.labels))
        return [found.counts, found.sums, found.products]

    key = "moments", spec.parent, spec.data, train.max_length, spec.see, train.precision, torch.get_num_threads()
    return Moments(*workshop.shelf.get(key, make))
