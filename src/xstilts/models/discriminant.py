"""Linear discriminant analysis on the states of an encoder: a head that is solved for, not trained.

Every class is taken to be normally distributed with a covariance that all share; it is estimated from the scatter
within the classes and shrunk towards a multiple of the identity (Friedman 1989, "Regularized Discriminant Analysis").
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from xstilts.data.batches import scoring_batches
from xstilts.models.inputs import ModelInputs, autocast
from xstilts.models.pooling import mean_state
from xstilts.models.split import backbone
from xstilts.problems import PROBLEMS, ProblemName
from xstilts.problems.features import IGNORED


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over labelled vectors, in float64; those of two sets add up."""

    counts: Tensor
    """Of vectors: [classes]."""
    sums: Tensor
    """Of vectors: [classes, width]."""
    products: Tensor
    """Of outer products: [width, width]."""

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.counts + other.counts, self.sums + other.sums, self.products + other.products)


class Discriminant(nn.Module):
    """An encoder under a linear head, which reads the mean state of a text, or the state of every sub-word of tags."""

    def __init__(self, encoder: PreTrainedModel, problem: ProblemName, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.encoder = encoder
        self.problem: ProblemName = problem
        self.weight = nn.Parameter(weight, requires_grad=False)
        """[classes, width]."""
        self.bias = nn.Parameter(bias, requires_grad=False)

    @property
    def base_model(self) -> PreTrainedModel:
        return self.encoder

    @property
    def config(self) -> PreTrainedConfig:
        return self.encoder.config

    def forward(self, **inputs: Tensor) -> ModelOutput:
        states = _states(self.encoder, self.problem, inputs)
        with torch.autocast(states.device.type, enabled=False):
            return ModelOutput(logits=nn.functional.linear(states, self.weight, self.bias))


def moments(model: nn.Module, inputs: ModelInputs, classes: int) -> Moments:
    """Those of the labelled states of a feed, in one pass of the encoder inside `model`, which is left as it is."""
    encoder = backbone(model).eval()
    width = encoder.config.hidden_size
    empty = (torch.zeros(*shape, dtype=torch.float64) for shape in ((classes,), (classes, width), (width, width)))
    found = Moments(*empty)
    for indices in scoring_batches(inputs.lengths):
        batch: dict[str, Any] = inputs.batch(indices, labels=True)
        labels = batch.pop("labels")
        with torch.no_grad(), autocast(inputs.device, inputs.precision):
            states = _states(encoder, inputs.problem, batch)
        there = labels != IGNORED
        found += moments_of(states[there].cpu(), labels[there].cpu(), classes)
    return found


def moments_of(vectors: Tensor, labels: Tensor, classes: int) -> Moments:
    """From vectors [rows, width] and the numbers of their classes [rows]."""
    vectors = vectors.double()
    member = nn.functional.one_hot(labels, classes).double()
    return Moments(member.sum(0), member.T @ vectors, vectors.T @ vectors)


def solve(found: Moments, shrinkage: float) -> tuple[Tensor, Tensor]:
    """Weight [classes, width] and bias [classes], in float32, of the most probable class given a vector.

    Dimensions are standardised first. `shrinkage` is the identity's part of the covariance. A class without examples is
    never the most probable; where no class has two examples, the nearest mean is.
    """
    counts, total = found.counts, found.counts.sum()
    centre = found.sums.sum(0) / total
    scale = (found.products.diagonal() / total - centre**2).clamp(min=0).sqrt().clamp(min=1e-12)
    means = found.sums / counts.clamp(min=1)[:, None]
    within = (found.products - (means * counts[:, None]).T @ means) / total / torch.outer(scale, scale)
    means = (means - centre) / scale
    mean_variance = within.diagonal().mean()
    spherical = mean_variance <= 1e-9
    part = 1.0 if spherical else shrinkage
    identity = torch.eye(len(scale), dtype=torch.float64) * (1.0 if spherical else mean_variance)
    weight = torch.linalg.solve((1 - part) * within + part * identity, means.T).T
    prior = torch.where(counts > 0, (counts / total).log(), -1e30)
    bias = prior - (weight * means).sum(1) / 2 - (weight / scale) @ centre
    return (weight / scale).float(), bias.float()


def _states(encoder: PreTrainedModel, problem: ProblemName, inputs: dict[str, Tensor]) -> Tensor:
    """[batch, width], or [batch, tokens, width] where every sub-word has a tag; in float32."""
    states = encoder(**inputs).last_hidden_state.float()
    return states if PROBLEMS[problem].head == "token" else mean_state(states, inputs["attention_mask"])
