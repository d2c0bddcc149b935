"""Several contrasts at once, and each in a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xstilts.analysis.stats.contrast import LEVEL, Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """An estimate with its p value adjusted for all contrasts of its family; the interval stays its own."""

    estimate: Estimate
    p_value: float
    significant: bool
    """The adjusted p value is below 5%."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the order given (Holm 1979): any below 5% may be called an effect, with a 5% risk that
    one or more of them is none."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [1.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def correct(estimates: Mapping[str, Estimate]) -> dict[str, Corrected]:
    """The family of contrasts, Holm-corrected."""
    adjusted = holm([estimate.p_value for estimate in estimates.values()])
    return {
        name: Corrected(estimate=estimate, p_value=p, significant=p < LEVEL)
        for (name, estimate), p in zip(estimates.items(), adjusted, strict=True)
    }


def sentence(estimate: Estimate, what: str, unit: str = "points", *, adjusted: float | None = None) -> str:
    """What a contrast came to, in percent of the metric: "<what> by +1.2 points (95% interval -0.4 to +2.8; ...".

    With `adjusted`, the p value after correction, the verdict is the corrected one.
    """
    size, low, high = (_signed(number) for number in (estimate.value, estimate.low, estimate.high))
    return (
        f"{what} by {size} {unit} (95% interval {low} to {high}; {_design(estimate)}): {_verdict(estimate, adjusted)}; "
        f"this design could have detected {100 * estimate.smallest_detectable:.1f} {unit}."
    )


def _signed(number: float) -> str:
    return f"{round(100 * number, 1) + 0.0:+.1f}"


def _design(estimate: Estimate) -> str:
    counts = [(estimate.seeds, "seed"), (estimate.draws, "draw"), (len(estimate.languages), "language")]
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count)


def _verdict(estimate: Estimate, adjusted: float | None) -> str:
    p = estimate.p_value if adjusted is None else adjusted
    if p < LEVEL:
        verdict = "a gain" if estimate.value > 0 else "a loss"
    elif estimate.p_value < LEVEL:
        verdict = "no effect could be shown after correction for the other contrasts"
    else:
        verdict = "no effect could be shown"
    return verdict + (", indicative only with fewer than 3 seeds" if estimate.indicative else "")
