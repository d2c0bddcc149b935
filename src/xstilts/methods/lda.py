"""Linear discriminant analysis on the states of a frozen encoder: a closed-form head."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from xstilts.methods.discriminant import MANY_SHOTS, Moments, added, language_offset, moments, solve, variance_within
from xstilts.methods.frozen_states import FrozenStatesMethod
from xstilts.methods.lda_choices import ChoiceDiscriminant
from xstilts.methods.lda_labels import LabelDiscriminants
from xstilts.methods.method import StatesClassifier
from xstilts.problems import Problem

if TYPE_CHECKING:
    from torch import Tensor

    from xstilts.methods.lda_settings import LdaSettings
    from xstilts.methods.leave_one_out import Rows

STRONG, MEDIUM, SHOTS_WEIGHT = 0.9, 0.6, 3.0
"""The default shrinkage where all classes are small, and otherwise; the default weight of a shot. Selected on
development languages (docs/guides/defaults.md)."""
MANY_EXAMPLES = 50
"""The median number of English examples per class from which classes are not small."""

Positive = Annotated[float, Field(gt=0)]


class Lda(FrozenStatesMethod):
    """Linear discriminant analysis on the states of the English examples and the shots. Trains nothing."""

    method: Literal["lda"] = "lda"
    shrinkage: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = "auto"
    """Weight of the multiple of the identity in the covariance estimate. Low values fit English best; high values
    transfer best to other languages. `auto` is 0.9 with fewer than four shots and fewer than 50 English examples per
    class, otherwise 0.6. From four shots on, another value is used that predicts left-out shots better by two standard
    errors. For labels it is 0.9 and 0.6, for multiple choice 0.9."""
    shots_weight: Positive | Literal["auto"] = "auto"
    """How many English examples a shot counts for. `auto` is 3, unless another value predicts left-out shots better; it
    is selected together with the shrinkage, and always 3 for labels and multiple choice."""
    language_offset: bool = True
    """Subtract the mean difference between the shots and the English examples of the same class, shrunk by the
    James-Stein factor, from all states of the target language. Otherwise a class with few English examples is where the
    target language is."""

    scope: ClassVar[str] = "classification, tagging and multiple choice"
    reads_unlabelled: ClassVar[bool] = True
    label: ClassVar[str] = "LDA"
    explanation: ClassVar[str] = (
        "LDA trains nothing. The encoder stays as it is after English training; a closed-form linear discriminant is "
        "fitted to the states of the English examples and the shots. With four shots per class or more, its shrinkage "
        "and the weight of a shot are the defaults, unless exact leave-one-out over the shots prefers other values by "
        "two standard errors of the loss."
    )

    def applies_to(self, problem: Problem[Any]) -> bool:
        return problem.has_linear_head

    def classifier(self, problem: Problem[Any]) -> StatesClassifier:
        """LDA of classes, of each label, or of the difference between right and wrong choices."""
        low, high = (MEDIUM, STRONG) if self.shrinkage == "auto" else (self.shrinkage, self.shrinkage)
        weight = SHOTS_WEIGHT if self.shots_weight == "auto" else self.shots_weight
        if problem.head == "choice":
            return ChoiceDiscriminant(shrinkage=high, shots_weight=weight)
        if problem.loss == "binary cross-entropy":
            return LabelDiscriminants(
                shrinkage=high,
                shrinkage_with_many_shots=low,
                shots_weight=weight,
                language_offset=self.language_offset,
            )
        return self

    def summarise(self, batches: "Iterable[tuple[Tensor, Tensor]]", classes: int) -> "Moments":
        return added(moments(vectors, labels, classes) for vectors, labels in batches)

    def select(
        self, shots: "Rows", english: "tuple[Tensor, ...] | None", english_rows: "Callable[[], Rows]"
    ) -> "LdaSettings | None":
        """Values for the settings that are `auto`; None with fewer than MANY_SHOTS shots per class."""
        from xstilts.methods.lda_settings import select_settings

        if not has_many_shots(shots.labels.bincount()) or "auto" not in (self.shrinkage, self.shots_weight):
            return None
        if english is None:
            summary = Moments.none(int(shots.labels.max()) + 1, shots.vectors.shape[1])
            shared = shots.subset([])
        else:
            summary, shared = Moments(*english), english_rows()
        return select_settings(shots, summary, shared, fixed=self, default=(MEDIUM, SHOTS_WEIGHT))

    def with_settings(self, settings: "LdaSettings") -> "Lda":
        return self.model_copy(update={"shrinkage": settings.shrinkage, "shots_weight": settings.shots_weight})

    def fit(
        self, shots: "tuple[Tensor, ...] | None", english: "tuple[Tensor, ...] | None", classes: int
    ) -> "dict[str, Tensor]":
        summary = english or shots
        assert summary is not None
        total, offset = Moments(*summary), None
        if shots is not None and english is not None:
            offset = self._offset(shots, english)
            total = Moments(*self.with_language(english, shots, classes))
        weights, bias = solve(total, self._shrinkage(shots, english))
        if offset is not None:
            bias = bias - weights @ offset
        return {"weight": weights.float(), "bias": bias.float()}

    def mean_and_variance(self, summary: "tuple[Tensor, ...]") -> "tuple[Tensor, Tensor]":
        counts, sums, products = summary
        mean = sums.sum(0) / counts.sum()
        return mean, products.diagonal() / counts.sum() - mean**2

    def with_language(
        self, english: "tuple[Tensor, ...]", shots: "tuple[Tensor, ...]", classes: int
    ) -> "tuple[Tensor, ...]":
        weight = SHOTS_WEIGHT if self.shots_weight == "auto" else self.shots_weight
        return Moments(*english).plus(Moments(*shots).shifted(-self._offset(shots, english)).scaled(weight))

    def _offset(self, shots: "tuple[Tensor, ...]", english: "tuple[Tensor, ...]") -> "Tensor":
        source = Moments(*english)
        return language_offset(Moments(*shots), source, variance_within(source)) * self.language_offset

    def _shrinkage(self, shots: "tuple[Tensor, ...] | None", english: "tuple[Tensor, ...] | None") -> float:
        if self.shrinkage != "auto":
            return self.shrinkage
        is_large = (shots is not None and has_many_shots(Moments(*shots).counts)) or (
            english is not None and median_count(Moments(*english).counts) >= MANY_EXAMPLES
        )
        return MEDIUM if is_large else STRONG


def has_many_shots(counts: "Tensor") -> bool:
    return median_count(counts) >= MANY_SHOTS


def median_count(counts: "Tensor") -> float:
    """The median over the classes that have examples."""
    return float(counts[counts > 0].median())
