"""States of sub-words made into one vector."""

from torch import Tensor


def mean_state(states: Tensor, mask: Tensor) -> Tensor:
    """[batch, hidden]: the mean of the states [batch, tokens, hidden] where `mask` [batch, tokens] is 1."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)
