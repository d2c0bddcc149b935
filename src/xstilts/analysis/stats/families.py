"""Holm correction of a family of contrasts, and a sentence for each contrast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xstilts.analysis.stats.contrast import LEVEL, Estimate
from xstilts.plurals import plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """An estimate with its Holm-corrected p value; the interval is not adjusted."""

    estimate: Estimate
    p_value: float
    significant: bool
    """Whether the corrected p value is below 5%."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-corrected p values in the given order (Holm 1979). They control the family-wise error rate."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [1.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def correct(estimates: Mapping[str, Estimate]) -> dict[str, Corrected]:
    """Holm-correct a family of contrasts."""
    adjusted = holm([estimate.p_value for estimate in estimates.values()])
    return {
        name: Corrected(estimate=estimate, p_value=p, significant=p < LEVEL)
        for (name, estimate), p in zip(estimates.items(), adjusted, strict=True)
    }


def sentence(estimate: Estimate, statement: str, unit: str = "points", *, adjusted: float | None = None) -> str:
    """A contrast as a sentence, in percent of the metric.

    "<statement> by +1.2 points (95% CI -0.4 to +2.8; 3 seeds, 12 languages): not significant (p = 0.130; minimum
    detectable effect: 2.3 points)." With `adjusted`, the Holm-corrected p value, the verdict uses that.
    """
    value, low, high = (f"{round(100 * x, 1) + 0.0:+.1f}" for x in (estimate.value, estimate.low, estimate.high))
    p = estimate.p_value if adjusted is None else adjusted
    p_text = ("p" if adjusted is None else "Holm-corrected p") + (" < 0.001" if p < 0.001 else f" = {p:.3f}")
    return (
        f"{statement} by {value} {unit} (95% CI {low} to {high}; {_design(estimate)}): {_verdict(estimate, p)} "
        f"({p_text}; minimum detectable effect: {100 * estimate.minimum_detectable_effect:.1f} {unit})"
        + ("; indicative only: fewer than 3 seeds." if estimate.indicative else ".")
    )


def _design(estimate: Estimate) -> str:
    counts = [(estimate.seeds, "seed"), (estimate.draws, "draw"), (len(estimate.languages), "language")]
    return ", ".join(plural(count, noun) for count, noun in counts if count)


def _verdict(estimate: Estimate, p: float) -> str:
    if p < LEVEL:
        return "significant gain" if estimate.value > 0 else "significant loss"
    return "not significant after correction" if estimate.p_value < LEVEL else "not significant"
