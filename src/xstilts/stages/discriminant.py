"""Episodes whose head is solved for: linear discriminants on the English examples and the shots together."""

from collections.abc import Sequence

import torch
from torch import Tensor

from xstilts.data.features import featurise
from xstilts.examples import Example
from xstilts.models.discriminant import Discriminant, Moments, moments, solve
from xstilts.models.heads import head_parameters
from xstilts.models.split import backbone
from xstilts.settings import Lda
from xstilts.stages.artifacts import joint_sum
from xstilts.stages.bench import Bench
from xstilts.stages.episode import Learned, shots_feed
from xstilts.stages.specs import FewshotStage
from xstilts.stages.workshop import Workshop


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
    pupil, labels, length = bench.pupil, bench.labels, bench.pupil.train.max_length

    def make() -> list[Tensor]:
        examples = workshop.examples(spec.data, "train")
        features = featurise(pupil.problem, examples, bench.tokenizer, labels, length, spec.see)
        found = moments(pupil.part, pupil.feed(features), len(labels))
        return [found.counts, found.sums, found.products]

    key = "moments", spec.parent, spec.data, length, spec.see, pupil.train.precision, torch.get_num_threads()
    return Moments(*workshop.shelf.get(key, make))
