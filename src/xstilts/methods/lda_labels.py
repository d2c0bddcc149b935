"""Linear discriminant analysis for multi-label classification: one binary discriminant for each label."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from xstilts.methods.discriminant import MANY_SHOTS, NO_VARIANCE, added

if TYPE_CHECKING:
    from torch import Tensor

MIN_STD = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDiscriminants:
    """Fits a binary linear discriminant for each label to moments that all labels share."""

    linear: ClassVar[bool] = True
    shrinkage: float
    """Weight of the multiple of the identity in each covariance estimate."""
    shrinkage_with_many_shots: float
    shots_weight: float
    """How many English examples a shot counts for."""
    language_offset: bool
    """Whether the mean difference between the shots and English is removed."""

    def summarise(self, batches: "Iterable[tuple[Tensor, Tensor]]", classes: int) -> "LabelMoments":
        """Moments of batches of vectors [rows, width] and labels [rows, labels], 1 or 0."""
        return added(label_moments(vectors, labels) for vectors, labels in batches)

    def fit(
        self, shots: "tuple[Tensor, ...] | None", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        """`weight` [labels, width] and `bias` [labels]: logits of each label's probability."""
        if shots is None or english is None:
            summary = shots or english
            assert summary is not None
            weight, bias = solve(LabelMoments(*summary), self._shrinkage(shots))
            return {"weight": weight, "bias": bias}
        target, source = LabelMoments(*shots), LabelMoments(*english)
        offset = language_shift(target, source) * self.language_offset
        total = source.plus(target.shifted(-offset).scaled(self.shots_weight))
        weight, bias = solve(total, self._shrinkage(shots))
        return {"weight": weight, "bias": bias - (weight.double() @ offset).float()}

    def _shrinkage(self, shots: "tuple[Tensor, ...] | None") -> float:
        counts = None if shots is None else LabelMoments(*shots).pairs.diagonal()
        has_many = counts is not None and bool(counts.any()) and counts.sum() >= MANY_SHOTS * (counts > 0).sum()
        return self.shrinkage_with_many_shots if has_many else self.shrinkage

    def scores(self, states: "Tensor", head: "Mapping[str, Tensor]") -> "Tensor":
        from torch import nn

        return nn.functional.linear(states, head["weight"], head["bias"])


class LabelMoments(NamedTuple):
    """Sums over vectors with any number of labels, in float64. The moments of two sets add up."""

    rows: "Tensor"
    """Number of vectors, a scalar."""
    total: "Tensor"
    """Sum of the vectors: [width]."""
    products: "Tensor"
    """Sum of the outer products of the vectors: [width, width]."""
    pairs: "Tensor"
    """Vectors that have both labels: [labels, labels]. The diagonal counts each label."""
    sums: "Tensor"
    """Sum of the vectors with each label: [labels, width]."""

    def plus(self, other: "LabelMoments") -> "LabelMoments":
        return LabelMoments(*(first + second for first, second in zip(self, other, strict=True)))

    def scaled(self, factor: float) -> "LabelMoments":
        """The moments if every vector counts `factor` times."""
        return LabelMoments(*(tensor * factor for tensor in self))

    def shifted(self, by: "Tensor") -> "LabelMoments":
        """The moments of the vectors plus `by` [width]."""
        import torch

        cross = torch.outer(self.total, by)
        products = self.products + cross + cross.T + self.rows * torch.outer(by, by)
        sums = self.sums + torch.outer(self.pairs.diagonal(), by)
        return LabelMoments(self.rows, self.total + self.rows * by, products, self.pairs, sums)


def label_moments(vectors: "Tensor", labels: "Tensor") -> LabelMoments:
    """Moments of vectors [rows, width] with labels [rows, labels], 1 or 0."""
    vectors, labels = vectors.double(), labels.double()
    rows = vectors.new_tensor(len(vectors))
    return LabelMoments(rows, vectors.sum(0), vectors.T @ vectors, labels.T @ labels, labels.T @ vectors)


def language_shift(target: LabelMoments, source: LabelMoments) -> "Tensor":
    """The estimated shift of target vectors with the labels of source vectors, [width].

    The raw shift is the mean difference between target vectors and the linear regression of source vectors on their
    labels. It is shrunk towards zero by the positive-part James-Stein factor, because few vectors estimate it badly.
    """
    import torch

    labels = source.pairs.diagonal() / source.rows
    mean = source.total / source.rows
    covariance = source.pairs / source.rows - torch.outer(labels, labels)
    cross = source.sums / source.rows - torch.outer(labels, mean)
    effects = torch.linalg.pinv(covariance, hermitian=True) @ cross
    target_labels = target.pairs.diagonal() / target.rows
    shift = target.total / target.rows - mean - (target_labels - labels) @ effects
    variances = source.products.diagonal() / source.rows - mean**2 - (effects * cross).sum(0)
    scale = variances.clamp(min=MIN_STD**2)
    norm = (shift**2 / scale).sum()
    noise = len(shift) / target.rows
    return shift * (1 - noise / norm.clamp(min=MIN_STD)).clamp(min=0)


def solve(total: LabelMoments, shrinkage: float) -> "tuple[Tensor, Tensor]":
    """Weight [labels, width] and bias [labels], in float32: the logit of each label's probability.

    For each label, the vectors with it and those without are two normal distributions with one covariance. Dimensions
    are standardised first. `shrinkage` is the weight of the identity in the covariance. A label that no vector has is
    never predicted; one that all vectors have always is.
    """
    import torch

    rows, counts = total.rows, total.pairs.diagonal()
    centre = total.total / rows
    scale = (total.products.diagonal() / rows - centre**2).clamp(min=0).sqrt().clamp(min=MIN_STD)
    covariance = (total.products / rows - torch.outer(centre, centre)) / torch.outer(scale, scale)
    is_constant = (counts <= 0) | (counts >= rows)
    share = torch.where(is_constant, 0.5, counts / rows)
    spread = share * (1 - share)
    difference = (total.sums - torch.outer(counts, centre)) / scale / (rows * spread)[:, None]
    difference = torch.where(is_constant[:, None], 0.0, difference)
    # a label's covariance within its two classes is that of all vectors minus spread * outer(difference, difference)
    variances, axes = torch.linalg.eigh(covariance)
    rotated = difference @ axes
    mean_variance = (covariance.diagonal().sum() - spread * (rotated**2).sum(1)) / len(scale)
    is_spherical = mean_variance <= NO_VARIANCE
    mixing = torch.where(is_spherical, 1.0, shrinkage)
    identity = torch.where(is_spherical, 1.0, mean_variance)
    spectrum = (1 - mixing)[:, None] * variances.clamp(min=0) + (mixing * identity)[:, None]
    solved = rotated / spectrum
    # the inverse after a change of rank one (Sherman and Morrison 1950)
    solved = solved / (1 - (1 - mixing) * spread * (rotated * solved).sum(1))[:, None]
    weight = solved @ axes.T / scale
    middle = centre + (0.5 - share)[:, None] * difference * scale
    prior = ((counts + is_constant * 0.5) / (rows - counts + is_constant * 0.5)).log()
    return weight.float(), (prior - (weight * middle).sum(1)).float()
