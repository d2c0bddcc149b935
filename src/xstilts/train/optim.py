"""AdamW with a linear schedule, over two rates: the encoder's and the fresh head's."""

import math
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from xstilts.config.training import Train


def rate(step: int, steps: int, warmup: float) -> float:
    """Factor of the peak rate at a step: linear rise over the warm-up, then linear fall to zero."""
    rise = math.ceil(steps * warmup)
    if step < rise:
        return (step + 1) / (rise + 1)
    return (steps - step) / max(1, steps - rise)


def shrinkage(train: Train, steps: int) -> float:
    """What AdamW's decay leaves of an encoder weight that never gets a gradient: prod(1 - rate_t * decay).

    Loshchilov and Hutter (2019, arXiv 1711.05101), algorithm 2.
    """
    peak = train.learning_rate * train.weight_decay
    return math.prod(1 - peak * rate(step, steps, train.warmup_ratio) for step in range(steps))


def optimiser(
    encoder: Iterable[nn.Parameter], head: Iterable[nn.Parameter], train: Train, steps: int
) -> tuple[AdamW, LambdaLR]:
    """Biases and normalisation (parameters of one dimension) are not decayed; frozen parameters are left out."""
    head_rate = train.head_learning_rate or train.learning_rate
    groups = [
        {"params": params, "lr": peak, "weight_decay": decay}
        for parameters, peak in ((list(encoder), train.learning_rate), (list(head), head_rate))
        for params, decay in _by_decay(parameters, train.weight_decay)
        if params
    ]
    adam = AdamW(groups, fused=True)
    return adam, LambdaLR(adam, lambda step: rate(min(step, steps), steps, train.warmup_ratio))


def _by_decay(parameters: Iterable[nn.Parameter], decay: float) -> list[tuple[list[nn.Parameter], float]]:
    trained = [p for p in parameters if p.requires_grad]
    return [([p for p in trained if p.dim() > 1], decay), ([p for p in trained if p.dim() <= 1], 0.0)]


def clip(adam: AdamW, norm: float) -> None:
    """Scale all gradients down where their joint norm is larger."""
    torch.nn.utils.clip_grad_norm_([p for group in adam.param_groups for p in group["params"]], norm)
