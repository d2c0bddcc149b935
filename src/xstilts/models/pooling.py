"""Pooling of token states to one vector per text."""

import torch
from torch import Tensor

from xstilts.models.families import Pooling


def pool(states: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """[batch, hidden] from states [batch, tokens, hidden] and mask [batch, tokens]: the mean over unmasked tokens, the
    first token, or the last unmasked token."""
    match pooling:
        case "mean":
            return mean_state(states, mask)
        case "first":
            return states[:, 0]
        case "last":
            return last_state(states, mask)


def mean_state(states: Tensor, mask: Tensor) -> Tensor:
    """[batch, hidden]: the mean over unmasked tokens of states [batch, tokens, hidden]."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def last_state(states: Tensor, mask: Tensor) -> Tensor:
    """[batch, hidden]: the last unmasked token of states [batch, tokens, hidden]."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    last = (positions * mask.to(positions.dtype)).argmax(1)
    return states[torch.arange(states.shape[0], device=states.device), last]
