"""Linear discriminant analysis for multiple choice: one score per choice, compared within each question."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from xstilts.methods.discriminant import NO_VARIANCE, added

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceDiscriminant:
    """Fits one linear score of (question, choice) to the differences between the choices of a question.

    A shift of all vectors of a question or a language changes no difference, so no offset is removed.
    """

    linear: ClassVar[bool] = True
    shrinkage: float
    """Weight of the multiple of the identity in the covariance estimate."""
    shots_weight: float
    """How many English examples a shot counts for."""

    def summarise(self, batches: "Iterable[tuple[Tensor, Tensor]]", classes: int) -> "ChoiceMoments":
        """Moments of batches of vectors [rows, width] and labels [rows, 2], as in `choice_moments`."""
        return added(choice_moments(vectors, labels) for vectors, labels in batches)

    def fit(
        self, shots: "tuple[Tensor, ...] | None", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        """`weight` [1, width] and `bias` [1], which is 0."""
        total: ChoiceMoments | None = None
        if english is not None:
            total = ChoiceMoments(*english)
        if shots is not None:
            target = ChoiceMoments(*shots)
            total = target if total is None else total.plus(target.scaled(self.shots_weight))
        assert total is not None
        weight = solve(total, self.shrinkage)[None]
        return {"weight": weight, "bias": weight.new_zeros(1)}

    def scores(self, states: "Tensor", head: "Mapping[str, Tensor]") -> "Tensor":
        from torch import nn

        return nn.functional.linear(states, head["weight"], head["bias"])


class ChoiceMoments(NamedTuple):
    """Sums over questions of their vectors minus the question's mean, in float64. The moments of two sets add up."""

    right: "Tensor"
    """Sum over questions of 1 - 1 / choices, a scalar."""
    degrees: "Tensor"
    """Sum over questions of choices - 1, a scalar."""
    sums: "Tensor"
    """Sum of the centred vectors of the right choices: [width]."""
    products: "Tensor"
    """Sum of the outer products of all centred vectors: [width, width]."""

    def plus(self, other: "ChoiceMoments") -> "ChoiceMoments":
        return ChoiceMoments(*(first + second for first, second in zip(self, other, strict=True)))

    def scaled(self, factor: float) -> "ChoiceMoments":
        """The moments if every question counts `factor` times."""
        return ChoiceMoments(*(tensor * factor for tensor in self))


def choice_moments(vectors: "Tensor", labels: "Tensor") -> ChoiceMoments:
    """Moments of vectors [rows, width], one for each choice.

    `labels` [rows, 2] have the number of the question, and 1 for its right choice or 0. A question's choices are
    all among the rows.
    """
    vectors, is_right = vectors.double(), labels[:, 1].bool()
    _, question = labels[:, 0].unique(return_inverse=True)
    choices = question.bincount().double()
    means = vectors.new_zeros(len(choices), vectors.shape[1]).index_add(0, question, vectors) / choices[:, None]
    centred = vectors - means[question]
    right = (1 - 1 / choices)[question][is_right].sum()
    return ChoiceMoments(right, (choices - 1).sum(), centred[is_right].sum(0), centred.T @ centred)


def solve(total: ChoiceMoments, shrinkage: float) -> "Tensor":
    """The weight [width], in float32, whose product with a choice's vector is its logit within the question.

    Vectors are a mean of the question, plus one difference if the choice is right, plus normal noise. The weight is the
    inverse covariance of the noise times that difference; a softmax over the choices then gives their probabilities.
    Dimensions are standardised first. `shrinkage` is the weight of the identity in the covariance.
    """
    import torch

    degrees = total.degrees.clamp(min=1)
    scale = (total.products.diagonal() / degrees).clamp(min=0).sqrt().clamp(min=1e-12)
    difference = total.sums / total.right.clamp(min=1e-12) / scale
    products = total.products / torch.outer(scale, scale)
    covariance = (products - total.right * torch.outer(difference, difference)) / degrees
    mean_variance = covariance.diagonal().mean()
    spherical = mean_variance <= NO_VARIANCE
    mixing = 1.0 if spherical else shrinkage
    identity = torch.eye(len(scale), dtype=torch.float64) * (1.0 if spherical else mean_variance)
    return (torch.linalg.solve((1 - mixing) * covariance + mixing * identity, difference) / scale).float()


def choice_loss(logits: "Tensor", labels: "Tensor") -> float:
    """The mean cross-entropy of the questions; `labels` as in `choice_moments`, logits [rows]."""
    import torch

    _, question = labels[:, 0].unique(return_inverse=True)
    questions = int(question.max()) + 1
    highest = logits.new_full((questions,), -torch.inf).scatter_reduce(0, question, logits, "amax")
    sums = logits.new_zeros(questions).index_add(0, question, (logits - highest[question]).exp())
    is_right = labels[:, 1].bool()
    answered = question[is_right]
    return (highest[answered] + sums[answered].log() - logits[is_right]).mean().item()
