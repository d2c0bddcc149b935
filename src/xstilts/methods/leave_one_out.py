"""Exact leave-one-group-out predictions of linear discriminant analysis on English examples and shots.

A group is what examples have in common, such as a text and its translations. Leaving it out changes the within-class
scatter by a matrix of low rank: the rows that leave, the changed sums of their classes, and the change of the language
offset, which moves all shots. One eigendecomposition of the scatter and the Woodbury identity give the predictions for
every group and shrinkage.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from xstilts.methods.discriminant import NO_VARIANCE, Moments, language_offset, moments, variance_within

if TYPE_CHECKING:
    from torch import Tensor


class Rows(NamedTuple):
    """Labelled vectors and the groups that they belong to."""

    vectors: "Tensor"
    """[rows, width]."""
    labels: "Tensor"
    """Class ids: [rows]."""
    groups: Sequence[str]
    """[rows]."""
    subwords: Sequence[Sequence[str]] = ()
    """Those of each text; empty if no head reads them."""

    def subset(self, rows: "Sequence[int]") -> "Rows":
        chosen = list(rows)
        subwords = [self.subwords[row] for row in chosen] if self.subwords else ()
        return Rows(self.vectors[chosen], self.labels[chosen], [self.groups[row] for row in chosen], subwords)

    def spaced(self, limit: int) -> "Rows":
        """At most `limit` of the rows, evenly spaced."""
        count = len(self.labels)
        return self if count <= limit else self.subset([number * count // limit for number in range(limit)])

    def by_group(self) -> "Mapping[str, list[int]]":
        """Row numbers by group."""
        rows: dict[str, list[int]] = {}
        for row, group in enumerate(self.groups):
            rows.setdefault(group, []).append(row)
        return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOneGroupOut:
    """`english` are the moments of all English examples; `english_rows` at least those that share a group with a shot.
    Dimensions are as they are: standardise before."""

    shots: Rows
    english: Moments
    english_rows: Rows
    with_offset: bool

    def logits(self, shots_weight: float, shrinkages: Sequence[float]) -> "Tensor":
        """Logits of every shot by the head that is fitted without its group: [shrinkages, shots, classes].

        A shot whose class is in no other group has NaN logits.
        """
        import torch

        fit = _Fit.of(self, shots_weight)
        logits = torch.full((len(shrinkages), len(self.shots.labels), len(self.english.counts)), torch.nan).double()
        english_rows = self.english_rows.by_group()
        for group, rows in self.shots.by_group().items():
            left = torch.tensor(rows)
            without, left_shots = fit.without(left, torch.tensor(english_rows.get(group, []), dtype=torch.long))
            usable = without.counts[self.shots.labels[left]] > 0
            for candidate, scores in enumerate(without.logits(left_shots[usable], shrinkages)):
                logits[candidate, left[usable]] = scores
        return logits


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """The fit to all rows. Vectors are in the eigenbasis of its within-class scatter."""

    weight: float
    with_offset: bool
    variance: "Tensor"
    """Of English vectors within their classes, before the rotation."""
    basis: "Tensor"
    eigenvalues: "Tensor"
    english: Moments
    english_rows: Rows
    shots: Rows
    shot_moments: Moments
    offset: "Tensor"

    @classmethod
    def of(cls, data: LeaveOneGroupOut, weight: float) -> "_Fit":
        import torch

        target = moments(data.shots.vectors, data.shots.labels, len(data.english.counts))
        variance = variance_within(data.english)
        offset = language_offset(target, data.english, variance) * data.with_offset
        total = data.english.plus(target.shifted(-offset).scaled(weight))
        centre = total.sums.sum(0) / total.counts.sum()
        total = total.shifted(-centre)
        means = total.sums / total.counts.clamp(min=1)[:, None]
        eigenvalues, basis = torch.linalg.eigh(total.products - (means * total.counts[:, None]).T @ means)
        return cls(
            weight=weight,
            with_offset=data.with_offset,
            variance=variance,
            basis=basis,
            eigenvalues=eigenvalues.clamp(min=0),
            english=data.english.shifted(-centre).rotated(basis),
            english_rows=data.english_rows._replace(vectors=(data.english_rows.vectors - centre) @ basis),
            shots=data.shots._replace(vectors=(data.shots.vectors - centre) @ basis),
            shot_moments=target.shifted(-centre).rotated(basis),
            offset=offset @ basis,
        )

    def without(self, rows: "Tensor", english_rows: "Tensor") -> "tuple[_Without, Tensor]":
        """The statistics without these shots and English examples, and the shots minus the new offset."""
        import torch

        weight, all_shots, all_english = self.weight, self.shot_moments, self.english
        shots, labels = self.shots.vectors[rows], self.shots.labels[rows]
        examples, example_labels = self.english_rows.vectors[english_rows], self.english_rows.labels[english_rows]
        target, source = all_shots.sums_without(shots, labels), all_english.sums_without(examples, example_labels)
        offset = language_offset(target, source, self.variance, basis=self.basis) * self.with_offset
        shift = self.offset - offset
        sums = all_english.sums + weight * (all_shots.sums - all_shots.counts[:, None] * self.offset)
        counts = all_english.counts + weight * all_shots.counts
        new_sums = source.sums + weight * (target.sums - target.counts[:, None] * offset)
        new_counts = source.counts + weight * target.counts
        changed = torch.cat([labels, example_labels]).unique()
        same = torch.ones(len(counts), dtype=torch.bool).index_fill(0, changed, value=False) & (counts > 0)
        share = weight * target.counts[same]
        remaining = (target.sums - target.counts[:, None] * self.offset).sum(0)
        mixed = weight * remaining - (share / counts[same]) @ sums[same]
        left, kept = changed[counts[changed] > 0], changed[new_counts[changed] > 0]
        factors = torch.cat([examples, shots - self.offset, shift[None], mixed[None], sums[left], new_sums[kept]])
        edge = len(examples) + len(shots)
        core = torch.diag(
            torch.cat(
                [
                    -torch.ones(len(examples)).double(),
                    torch.full((len(shots),), -weight).double(),
                    (weight * target.counts.sum() - (share**2 / counts[same]).sum())[None],
                    torch.zeros(1).double(),
                    1 / counts[left],
                    -1 / new_counts[kept],
                ]
            )
        )
        core[edge, edge + 1] = core[edge + 1, edge] = 1
        without = _Without(
            eigenvalues=self.eigenvalues,
            factors=factors.T,
            core=core,
            means=torch.where(new_counts > 0, 1 / new_counts, 0.0)[:, None] * new_sums,
            counts=new_counts,
        )
        return without, shots - offset


@dataclass(frozen=True, slots=True, kw_only=True)
class _Without:
    """The statistics without a group. The scatter is diag(eigenvalues) + factors @ core @ factors.T."""

    eigenvalues: "Tensor"
    factors: "Tensor"
    """[width, rank]."""
    core: "Tensor"
    means: "Tensor"
    counts: "Tensor"

    def logits(self, rows: "Tensor", shrinkages: Sequence[float]) -> "Iterator[Tensor]":
        """Logits [rows, classes] of vectors [rows, width] for each shrinkage."""
        import torch

        total = self.counts.sum()
        trace = self.eigenvalues.sum() + (self.core * (self.factors.T @ self.factors)).sum()
        variance = trace / total / len(self.eigenvalues)
        spherical = variance <= NO_VARIANCE
        prior = torch.where(self.counts > 0, (self.counts / total).log(), -1e30)
        identity = torch.eye(len(self.core), dtype=torch.float64)
        for shrinkage in shrinkages:
            share = 0.0 if spherical else (1 - shrinkage) / total
            inverse = 1 / (share * self.eigenvalues + (1.0 if spherical else shrinkage * variance))
            weighted = self.factors * inverse[:, None]
            middle = torch.linalg.solve(identity + share * self.core @ (self.factors.T @ weighted), share * self.core)
            projected = self.means @ weighted
            precise = self.means * inverse - projected @ middle.T @ weighted.T
            yield rows @ precise.T - (precise * self.means).sum(-1) / 2 + prior


def losses(logits: "Tensor", labels: "Tensor", scales: Sequence[float]) -> "Tensor":
    """The cross-entropy of each row [rows] after the scale of all logits [rows, classes] with the lowest mean."""
    from torch.nn.functional import cross_entropy

    candidates = (cross_entropy(logits * scale, labels, reduction="none") for scale in scales)
    return min(candidates, key=lambda loss: loss.mean().item())
