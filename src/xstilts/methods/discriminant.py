"""Linear discriminant analysis from sums over labelled vectors.

Classes are normally distributed with a shared covariance. It is estimated from the within-class scatter and shrunk
towards a multiple of the identity (Friedman 1989, "Regularized Discriminant Analysis").
"""

from collections.abc import Iterable
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

MANY_SHOTS = 4
"""The number of shots per class or label from which classes are not small."""
NO_VARIANCE = 1e-9
"""Mean variance within classes, in standardised dimensions, up to which the covariance is the identity."""


class Moments(NamedTuple):
    """Sums over labelled vectors, in float64. The moments of two sets add up."""

    counts: "Tensor"
    """Vectors per class: [classes]."""
    sums: "Tensor"
    """Sum of the vectors per class: [classes, width]."""
    products: "Tensor"
    """Sum of the outer products: [width, width]."""

    @classmethod
    def none(cls, classes: int, width: int) -> "Moments":
        """The moments of no vectors."""
        import torch

        return cls(
            *(torch.zeros(shape, dtype=torch.float64) for shape in ((classes,), (classes, width), (width, width)))
        )

    def plus(self, other: "Moments") -> "Moments":
        return Moments(self.counts + other.counts, self.sums + other.sums, self.products + other.products)

    def scaled(self, factor: float) -> "Moments":
        """The moments if every vector counts `factor` times."""
        return Moments(self.counts * factor, self.sums * factor, self.products * factor)

    def divided(self, scale: "Tensor") -> "Moments":
        """The moments of the vectors divided by `scale` [width]."""
        return Moments(self.counts, self.sums / scale, self.products / scale / scale[:, None])

    def rotated(self, basis: "Tensor") -> "Moments":
        """The moments of the vectors times an orthogonal basis [width, width]."""
        return Moments(self.counts, self.sums @ basis, basis.T @ self.products @ basis)

    def sums_without(self, vectors: "Tensor", labels: "Tensor") -> "Moments":
        """The moments without these vectors [rows, width]; the products stay as they are."""
        sums = self.sums.index_add(0, labels, vectors, alpha=-1)
        counts = self.counts - labels.bincount(minlength=len(self.counts))
        return Moments(counts, sums, self.products)

    def shifted(self, by: "Tensor") -> "Moments":
        """The moments of the vectors plus `by` [width]."""
        import torch

        total, rows = self.sums.sum(0), self.counts.sum()
        cross = torch.outer(total, by)
        products = self.products + cross + cross.T + rows * torch.outer(by, by)
        return Moments(self.counts, self.sums + self.counts[:, None] * by, products)


class Additive(Protocol):
    def plus(self, other: Self) -> Self: ...


Sums = TypeVar("Sums", bound=Additive)


def added(batches: Iterable[Sums]) -> Sums:
    """The sum of at least one summary."""
    return reduce(lambda total, batch: total.plus(batch), batches)


def moments(vectors: "Tensor", labels: "Tensor", classes: int) -> Moments:
    """Moments of vectors [rows, width] with class ids [rows]."""
    from torch import nn

    vectors = vectors.double()
    member = nn.functional.one_hot(labels, classes).double()
    return Moments(member.sum(0), member.T @ vectors, vectors.T @ vectors)


def language_offset(target: Moments, source: Moments, variance: "Tensor", *, basis: "Tensor | None" = None) -> "Tensor":
    """The estimated difference of target vectors to source vectors of the same class, [width].

    It is shrunk as in `james_stein`, because few vectors estimate it badly. `variance` [width] is that of source
    vectors within their classes, in the dimensions before a rotation by `basis` [width, width]. Target vectors of
    classes that the source lacks do not count. Zero if no class is in both.
    """
    shared = source.counts > 0
    rows = target.counts[shared].sum()
    if rows == 0:
        return target.sums.new_zeros(target.sums.shape[1])
    means = source.sums[shared] / source.counts[shared, None]
    difference = (target.sums[shared] - target.counts[shared, None] * means).sum(0) / rows
    return james_stein(difference, rows, variance, basis=basis)


def james_stein(
    difference: "Tensor", rows: "Tensor | int", variance: "Tensor", *, basis: "Tensor | None" = None
) -> "Tensor":
    """A mean difference over `rows` vectors [width], shrunk towards zero by the positive-part James-Stein factor.

    `variance` [width] is that of one vector, in the dimensions before a rotation by `basis` [width, width].
    """
    squares = (difference if basis is None else basis @ difference) ** 2
    norm = (squares / variance.clamp(min=NO_VARIANCE)).sum()
    return difference * (1 - len(difference) / rows / norm.clamp(min=NO_VARIANCE)).clamp(min=0)


def variance_within(source: Moments) -> "Tensor":
    """The variance of each dimension within the classes, [width]."""
    means = source.sums / source.counts.clamp(min=1)[:, None]
    squares = source.products.diagonal() - (means**2 * source.counts[:, None]).sum(0)
    return squares.clamp(min=0) / source.counts.sum().clamp(min=1)


def standard_deviations(total: Moments) -> "Tensor":
    """Of each dimension, over all classes; [width]."""
    centre = total.sums.sum(0) / total.counts.sum()
    return (total.products.diagonal() / total.counts.sum() - centre**2).clamp(min=0).sqrt().clamp(min=1e-12)


def solve(total: Moments, shrinkage: float, *, scale: "Tensor | None" = None) -> "tuple[Tensor, Tensor]":
    """Weight [classes, width] and bias [classes], in float64, of a linear head that predicts the most probable class.

    Dimensions are divided by `scale` [width] first, by default their standard deviations. `shrinkage` is the weight of
    the identity in the covariance. A class without examples is never predicted. If no class has two examples, the class
    with the nearest mean is predicted.
    """
    import torch

    counts, rows = total.counts, total.counts.sum()
    centre = total.sums.sum(0) / rows
    scale = standard_deviations(total) if scale is None else scale
    means = total.sums / counts.clamp(min=1)[:, None]
    covariance = (total.products - (means * counts[:, None]).T @ means) / rows / torch.outer(scale, scale)
    means = (means - centre) / scale
    mean_variance = covariance.diagonal().mean()
    spherical = mean_variance <= NO_VARIANCE
    identity_weight = 1.0 if spherical else shrinkage
    identity = torch.eye(len(scale), dtype=torch.float64) * (1.0 if spherical else mean_variance)
    shrunk = (1 - identity_weight) * covariance + identity_weight * identity
    weight = torch.linalg.solve(shrunk, means.T).T
    prior = torch.where(counts > 0, (counts / rows).log(), -1e30)
    bias = prior - (weight * means).sum(1) / 2 - (weight / scale) @ centre
    return weight / scale, bias
