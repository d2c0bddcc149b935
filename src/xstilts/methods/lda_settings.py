"""Selects the shrinkage and the weight of a shot for linear discriminant analysis by leaving out each shot."""

from itertools import product
from math import sqrt
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from xstilts.methods.discriminant import (
    Moments,
    language_offset,
    moments,
    standard_deviations,
    variance_within,
)
from xstilts.methods.leave_one_out import LeaveOneGroupOut, Rows, losses

SHRINKAGES = (0.1, 0.3, 0.6, 0.9)
WEIGHTS = (1.0, 3.0, 10.0)
STANDARD_ERRORS = 2.0
"""By how many standard errors of the paired difference a candidate must be better than the defaults."""
SCALES = tuple(10 ** (exponent / 8) for exponent in range(-20, 5))
"""Candidate scales of the logits, so that over-confidence alone does not decide."""


class LdaSettings(BaseModel):
    """The selected settings, and what the left-out shots say about them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shrinkage: float
    shots_weight: float
    rows: int
    """The number of shots that were left out."""
    accuracy: float
    """Of the selected settings on left-out shots."""
    loss: float
    default_loss: float
    """Of the default settings on left-out shots."""


class Fixed(Protocol):
    """The method's own settings; only those that are `auto` are selected."""

    @property
    def shrinkage(self) -> float | Literal["auto"]: ...
    @property
    def shots_weight(self) -> float | Literal["auto"]: ...
    @property
    def language_offset(self) -> bool: ...


def select_settings(
    shots: Rows, english: Moments, english_rows: Rows, *, fixed: Fixed, default: tuple[float, float]
) -> LdaSettings | None:
    """The shrinkage and weight with the lowest loss on left-out shots, if it is lower than that of the defaults by two
    standard errors; otherwise the defaults.

    A shot is left out with its group, in English too: the translation of a shot would predict it. `english_rows` are
    those English examples that share a group with a shot. Dimensions are standardised once, with all examples. None if
    fewer than two shots can be left out.
    """
    shrinkage, weight = (
        value if setting == "auto" else setting
        for value, setting in zip(default, (fixed.shrinkage, fixed.shots_weight), strict=True)
    )
    shrinkages = SHRINKAGES if fixed.shrinkage == "auto" else (shrinkage,)
    weights = WEIGHTS if fixed.shots_weight == "auto" and english.counts.sum() > 0 else (weight,)
    data = _standardised(shots, english, english_rows, weight, fixed.language_offset)
    by_candidate = {
        (shrinkage, weight): logits
        for weight in weights
        for shrinkage, logits in zip(shrinkages, data.logits(weight, shrinkages), strict=True)
    }
    usable = ~by_candidate[shrinkage, weight].isnan().any(-1)
    labels = shots.labels[usable]
    if len(labels) < 2:
        return None
    row_losses = {name: losses(logits[usable], labels, SCALES) for name, logits in by_candidate.items()}
    best = min(product(shrinkages, weights), key=lambda name: row_losses[name].mean().item())
    difference = row_losses[shrinkage, weight] - row_losses[best]
    error = difference.std().item() / sqrt(len(difference))
    selected = best if difference.mean().item() > STANDARD_ERRORS * error else (shrinkage, weight)
    return LdaSettings(
        shrinkage=selected[0],
        shots_weight=selected[1],
        rows=len(labels),
        accuracy=(by_candidate[selected][usable].argmax(-1) == labels).double().mean().item(),
        loss=row_losses[selected].mean().item(),
        default_loss=row_losses[shrinkage, weight].mean().item(),
    )


def _standardised(
    shots: Rows, english: Moments, english_rows: Rows, weight: float, with_offset: bool
) -> LeaveOneGroupOut:
    target = moments(shots.vectors, shots.labels, len(english.counts))
    offset = language_offset(target, english, variance_within(english)) * with_offset
    scale = standard_deviations(english.plus(target.shifted(-offset).scaled(weight)))
    return LeaveOneGroupOut(
        shots=shots._replace(vectors=shots.vectors.double() / scale),
        english=english.divided(scale),
        english_rows=english_rows._replace(vectors=english_rows.vectors.double() / scale),
        with_offset=with_offset,
    )
