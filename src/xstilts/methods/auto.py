"""Selection among a few methods, by English development data and by left-out shots."""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from xstilts.methods.method import FewshotMethod
from xstilts.problems import Problem

Candidate = Literal["frozen", "lda", "logreg", "knn", "head", "full", "lora", "joint", "average"]

FROZEN_ENCODER = "frozen"
"""The candidate on the encoder before target training."""
FOLDS = 5
CLOSED_FORM = ("lda", "logreg", "knn")
"""The candidates whose head is fitted to the states of English examples."""
ONE_ERROR = 1 + 1e-9
"""One standard error, whatever the rounding."""

GroupScores = Mapping[str, Sequence[float]]
"""The scores of the same groups of examples, by candidate, simplest first."""


class AutoSelection(BaseModel):
    """What was selected, and on which scores (0 to 1)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate: str
    default: str
    """The candidate that is selected without left-out shots."""
    metric: str
    english: dict[str, float]
    """The mean score of each candidate on English development data; empty if it was not fitted to English."""
    left_out: dict[str, float]
    """The mean score of each candidate on left-out shots; empty if too few can be left out."""
    groups: int
    """The number of groups of shots that were left out."""

    @property
    def expected(self) -> float | None:
        """The score of the selected candidate, on left-out shots if there are any."""
        return (self.left_out or self.english).get(self.candidate)


class Auto(FewshotMethod):
    """Adapts with one of a few candidates, selected for each episode."""

    method: Literal["auto"] = "auto"
    candidates: Annotated[tuple[Candidate, ...], Field(min_length=2)] = ("frozen", "logreg", "full")
    """From simple to complex: methods with their default settings on the trained model, or `frozen`, the closed-form
    head on the encoder before target training. Without shots, the simplest within two standard errors of the best on
    English development data is selected; the trained head counts as simpler than a closed-form head on the trained
    encoder. If that is `frozen`, it is also the default with shots, otherwise the first other candidate is. Five-fold
    cross-validation over the shots replaces the default by a candidate that is better by more than one standard error
    of the paired difference. Shots that share a group with English training data are not left out, because a trained
    model has seen their translation."""

    reads_unlabelled: ClassVar[bool] = True
    label: ClassVar[str] = "auto"
    scope: ClassVar[str] = "trained tasks other than image retrieval"
    takes_steps: ClassVar[bool] = False
    fits_english: ClassVar[bool] = True
    explanation: ClassVar[str] = (
        "The method `auto` selects one of its candidates for each episode. Without shots it is the simplest within two "
        "standard errors of the best on English development data. With shots the default is the frozen encoder if that "
        "was selected without shots, and otherwise the first other candidate; five-fold cross-validation over the "
        "shots replaces it by a candidate that is better by more than one standard error."
    )

    def applies_to(self, problem: Problem[Any]) -> bool:
        from xstilts.methods import METHODS

        methods = [METHODS[name]() for name in self.candidates if name != FROZEN_ENCODER]
        return not problem.is_contrastive and any(method.applies_to(problem) for method in methods)


def select(candidates: Sequence[str], english: GroupScores, left_out: GroupScores, shots: int) -> tuple[str, str]:
    """The selected candidate and the default. `english` are the scores without shots; `left_out` may be empty.

    Without English scores the default is the first candidate.
    """
    default = _default(candidates, english, shots)
    best = max(left_out, key=lambda name: fmean(left_out[name]), default=default)
    if best == default or _errors_ahead(left_out[best], left_out[default]) <= ONE_ERROR:
        return default, default
    return best, default


def _default(candidates: Sequence[str], english: GroupScores, shots: int) -> str:
    if not english:
        return candidates[0]
    zero_shot = _simplest({name: english[name] for name in sorted(candidates, key=_order_without_shots)})
    if not shots or zero_shot == FROZEN_ENCODER:
        return zero_shot
    return next(name for name in candidates if name != FROZEN_ENCODER)


def _order_without_shots(name: str) -> int:
    """A trained head transfers better than one that is fitted anew to states that were trained to separate English."""
    return 0 if name == FROZEN_ENCODER else 2 if name in CLOSED_FORM else 1


def _simplest(scores: GroupScores) -> str:
    """The first candidate within two standard errors of the best: English is not the language that counts."""
    best = max(scores.values(), key=fmean)
    return next(name for name, values in scores.items() if _errors_ahead(best, values) <= 2 * ONE_ERROR)


def _errors_ahead(scores: Sequence[float], others: Sequence[float]) -> float:
    """The mean of the paired differences in standard errors."""
    differences = [score - other for score, other in zip(scores, others, strict=True)]
    mean = fmean(differences)
    if mean <= 0 or len(differences) < 2:
        return 0.0
    spread = stdev(differences)
    return mean / (spread / len(differences) ** 0.5) if spread else float("inf")
