"""From the states of tokens to one vector per text."""

import torch
from torch import Tensor

from xstilts.models.families import Pooling


def pool(states: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """[batch, hidden] from states [batch, tokens, hidden]: their mean where `mask` [batch, tokens] is 1, the state of
    the first token, or that of the last one where the mask is 1."""
    match pooling:
        case "mean":
            return mean_state(states, mask)
        case "first":
            return states[:, 0]
        case "last":
            return last_state(states, mask)


def mean_state(states: Tensor, mask: Tensor) -> Tensor:
    """[batch, hidden]: the mean of the states [batch, tokens, hidden] where `mask` [batch, tokens] is 1."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def last_state(states: Tensor, mask: Tensor) -> Tensor:
    """[batch, hidden]: the last of the states [batch, tokens, hidden] where `mask` [batch, tokens] is 1."""
    places = torch.arange(mask.shape[1], device=mask.device)
    last = (places * mask.to(places.dtype)).argmax(1)
    return states[torch.arange(len(states), device=states.device), last]
