"""Linear discriminant analysis on the states of an encoder: a head in closed form.

Every class is taken to be normally distributed with a covariance that all share; it is estimated from the scatter
within the classes and shrunk towards a multiple of the identity (Friedman 1989, "Regularized Discriminant Analysis").
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from xstilts.methods.frozen_states import FrozenStatesMethod

if TYPE_CHECKING:
    from torch import Tensor


class Lda(FrozenStatesMethod):
    """Linear discriminant analysis on the states of the English examples and the shots. Trains nothing."""

    method: Literal["lda"] = "lda"
    shrinkage: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Part of the covariance that is a multiple of the identity."""

    label: ClassVar[str] = "LDA"
    explanation: ClassVar[str] = (
        "LDA trains nothing on the shots: it is a linear discriminant in closed form on the states that the encoder "
        "gives after English training, from the English examples and the shots together."
    )

    def summarise(self, batches: "Iterable[tuple[Tensor, Tensor]]", classes: int) -> "Moments":
        total: Moments | None = None
        for vectors, labels in batches:
            part = moments(vectors, labels, classes)
            total = part if total is None else total.plus(part)
        assert total is not None
        return total

    def fit(
        self, shots: "tuple[Tensor, ...]", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        total = Moments(*shots) if english is None else Moments(*shots).plus(Moments(*english))
        weight, bias = solve(total, self.shrinkage)
        return {"weight": weight, "bias": bias}


class Moments(NamedTuple):
    """Sums over labelled vectors, in float64; those of two sets add up."""

    counts: "Tensor"
    """Of vectors: [classes]."""
    sums: "Tensor"
    """Of vectors: [classes, width]."""
    products: "Tensor"
    """Of outer products: [width, width]."""

    def plus(self, other: "Moments") -> "Moments":
        return Moments(self.counts + other.counts, self.sums + other.sums, self.products + other.products)


def moments(vectors: "Tensor", labels: "Tensor", classes: int) -> Moments:
    """From vectors [rows, width] and the numbers of their classes [rows]."""
    from torch import nn

    vectors = vectors.double()
    member = nn.functional.one_hot(labels, classes).double()
    return Moments(member.sum(0), member.T @ vectors, vectors.T @ vectors)


def solve(total: Moments, shrinkage: float) -> "tuple[Tensor, Tensor]":
    """Weight [classes, width] and bias [classes], in float32, of the most probable class given a vector.

    Dimensions are standardised first. `shrinkage` is the identity's part of the covariance. A class without examples is
    never the most probable; where no class has two examples, the nearest mean is.
    """
    import torch

    counts, rows = total.counts, total.counts.sum()
    centre = total.sums.sum(0) / rows
    scale = (total.products.diagonal() / rows - centre**2).clamp(min=0).sqrt().clamp(min=1e-12)
    means = total.sums / counts.clamp(min=1)[:, None]
    within = (total.products - (means * counts[:, None]).T @ means) / rows / torch.outer(scale, scale)
    means = (means - centre) / scale
    mean_variance = within.diagonal().mean()
    spherical = mean_variance <= 1e-9
    part = 1.0 if spherical else shrinkage
    identity = torch.eye(len(scale), dtype=torch.float64) * (1.0 if spherical else mean_variance)
    weight = torch.linalg.solve((1 - part) * within + part * identity, means.T).T
    prior = torch.where(counts > 0, (counts / rows).log(), -1e30)
    bias = prior - (weight * means).sum(1) / 2 - (weight / scale) @ centre
    return (weight / scale).float(), bias.float()
