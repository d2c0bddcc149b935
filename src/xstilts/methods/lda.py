"""Linear discriminant analysis on the states of a frozen encoder: a closed-form head.

Classes are normally distributed with a shared covariance. It is estimated from the within-class scatter and shrunk
towards a multiple of the identity (Friedman 1989, "Regularized Discriminant Analysis").
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
    """Weight of the multiple of the identity in the covariance estimate."""

    label: ClassVar[str] = "LDA"
    explanation: ClassVar[str] = (
        "LDA trains nothing. The encoder stays as it is after English training; a closed-form linear discriminant is "
        "fitted to the states of the English examples and the shots."
    )

    def summarise(self, batches: "Iterable[tuple[Tensor, Tensor]]", classes: int) -> "Moments":
        total: Moments | None = None
        for vectors, labels in batches:
            batch = moments(vectors, labels, classes)
            total = batch if total is None else total.plus(batch)
        assert total is not None
        return total

    def fit(
        self, shots: "tuple[Tensor, ...]", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        total = Moments(*shots) if english is None else Moments(*shots).plus(Moments(*english))
        weight, bias = solve(total, self.shrinkage)
        return {"weight": weight, "bias": bias}


class Moments(NamedTuple):
    """Sums over labelled vectors, in float64. The moments of two sets add up."""

    counts: "Tensor"
    """Vectors per class: [classes]."""
    sums: "Tensor"
    """Sum of the vectors per class: [classes, width]."""
    products: "Tensor"
    """Sum of the outer products: [width, width]."""

    def plus(self, other: "Moments") -> "Moments":
        return Moments(self.counts + other.counts, self.sums + other.sums, self.products + other.products)


def moments(vectors: "Tensor", labels: "Tensor", classes: int) -> Moments:
    """Moments of vectors [rows, width] with class ids [rows]."""
    from torch import nn

    vectors = vectors.double()
    member = nn.functional.one_hot(labels, classes).double()
    return Moments(member.sum(0), member.T @ vectors, vectors.T @ vectors)


def solve(total: Moments, shrinkage: float) -> "tuple[Tensor, Tensor]":
    """Weight [classes, width] and bias [classes], in float32, of a linear head that predicts the most probable class.

    Dimensions are standardised first. `shrinkage` is the weight of the identity in the covariance. A class without
    examples is never predicted. If no class has two examples, the class with the nearest mean is predicted.
    """
    import torch

    counts, rows = total.counts, total.counts.sum()
    centre = total.sums.sum(0) / rows
    scale = (total.products.diagonal() / rows - centre**2).clamp(min=0).sqrt().clamp(min=1e-12)
    means = total.sums / counts.clamp(min=1)[:, None]
    covariance = (total.products - (means * counts[:, None]).T @ means) / rows / torch.outer(scale, scale)
    means = (means - centre) / scale
    mean_variance = covariance.diagonal().mean()
    spherical = mean_variance <= 1e-9
    identity_weight = 1.0 if spherical else shrinkage
    identity = torch.eye(len(scale), dtype=torch.float64) * (1.0 if spherical else mean_variance)
    shrunk = (1 - identity_weight) * covariance + identity_weight * identity
    weight = torch.linalg.solve(shrunk, means.T).T
    prior = torch.where(counts > 0, (counts / rows).log(), -1e30)
    bias = prior - (weight * means).sum(1) / 2 - (weight / scale) @ centre
    return (weight / scale).float(), bias.float()
