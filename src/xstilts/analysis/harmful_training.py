"""A notice about trained arms that score below the encoder that they started from."""

from xstilts.analysis.contrasts import Estimates
from xstilts.analysis.names import signed


def harmful_training(estimates: Estimates) -> tuple[str, ...]:
    """One sentence for each arm whose 95% interval is below a closed-form head on the encoder before training."""
    return tuple(
        f"Training made this worse: {result.comparison.title} on {result.comparison.task} "
        f"{signed(result.estimate.value)} points ({signed(result.estimate.low)} to {signed(result.estimate.high)}). "
        "Use the frozen encoder, or train with a lower learning rate or fewer steps."
        for result in estimates.contrasts
        if result.comparison.kind == "training" and result.estimate is not None and result.estimate.high < 0
    )
