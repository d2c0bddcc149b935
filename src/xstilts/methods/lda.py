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


WITHOUT_SHOTS, WITH_SHOTS = 0.9, 0.6
"""The automatic shrinkage with fewer than MANY_SHOTS shots per class, and with as many or more. Chosen on development
languages (docs/guides/defaults.md)."""
MANY_SHOTS = 4


class Lda(FrozenStatesMethod):
    """Linear discriminant analysis on the states of the English examples and the shots. Trains nothing."""

    method: Literal["lda"] = "lda"
    shrinkage: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = "auto"
    """Weight of the multiple of the identity in the covariance estimate. Low values fit English best; high values
    transfer best to other languages. `auto` is 0.6 with four shots per class or more, and 0.9 with fewer or none."""
    shots_weight: Annotated[float, Field(gt=0)] = 3.0
    """How many English examples a shot counts for."""
    language_offset: bool = True
    """Subtract the mean difference between the shots and the English examples of the same class from all states of the
    target language. Otherwise a class with few English examples is where the target language is."""

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
        self, shots: "tuple[Tensor, ...] | None", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        if shots is None or english is None:
            summary = shots or english
            assert summary is not None
            weight, bias = solve(Moments(*summary), self._shrinkage(shots))
            return {"weight": weight, "bias": bias}
        target, source = Moments(*shots), Moments(*english)
        offset = mean_difference(target, source) * self.language_offset
        total = source.plus(target.shifted(-offset).scaled(self.shots_weight))
        weight, bias = solve(total, self._shrinkage(shots))
        return {"weight": weight, "bias": bias - (weight.double() @ offset).float()}

    def _shrinkage(self, shots: "tuple[Tensor, ...] | None") -> float:
        if self.shrinkage != "auto":
            return self.shrinkage
        counts = None if shots is None else Moments(*shots).counts
        enough = counts is not None and counts.sum() >= MANY_SHOTS * (counts > 0).sum()
        return WITH_SHOTS if enough else WITHOUT_SHOTS


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

    def scaled(self, factor: float) -> "Moments":
        """The moments if every vector counts `factor` times."""
        return Moments(self.counts * factor, self.sums * factor, self.products * factor)

    def shifted(self, by: "Tensor") -> "Moments":
        """The moments of the vectors plus `by` [width]."""
        import torch

        total, rows = self.sums.sum(0), self.counts.sum()
        cross = torch.outer(total, by)
        products = self.products + cross + cross.T + rows * torch.outer(by, by)
        return Moments(self.counts, self.sums + self.counts[:, None] * by, products)


def moments(vectors: "Tensor", labels: "Tensor", classes: int) -> Moments:
    """Moments of vectors [rows, width] with class ids [rows]."""
    from torch import nn

    vectors = vectors.double()
    member = nn.functional.one_hot(labels, classes).double()
    return Moments(member.sum(0), member.T @ vectors, vectors.T @ vectors)


def mean_difference(target: Moments, source: Moments) -> "Tensor":
    """The mean over target vectors of their difference to the source mean of their class, [width].

    Target vectors of classes that the source lacks do not count. Zero if no class is in both.
    """
    shared = source.counts > 0
    rows = target.counts[shared].sum()
    if rows == 0:
        return target.sums.new_zeros(target.sums.shape[1])
    means = source.sums[shared] / source.counts[shared, None]
    return (target.sums[shared] - target.counts[shared, None] * means).sum(0) / rows


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
