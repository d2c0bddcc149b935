"""AdamW with a linear schedule and two learning rates: for the encoder and for a new head."""

import math
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from xstilts.config.training import Train


def rate_factor(step: int, steps: int, warmup: float) -> float:
    """The learning rate at a step as a fraction of the peak: linear warm-up, then linear decay to zero."""
    warmup_steps = math.ceil(steps * warmup)
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    return (steps - step) / max(1, steps - warmup_steps)


def decay_of_unused_weights(train: Train, steps: int) -> float:
    """The factor by which weight decay shrinks an encoder weight without gradients: prod(1 - rate_t * decay).

    Loshchilov and Hutter (2019, arXiv 1711.05101), algorithm 2.
    """
    peak = train.learning_rate * train.weight_decay
    return math.prod(1 - peak * rate_factor(step, steps, train.warmup_ratio) for step in range(steps))


def optimiser(
    encoder: Iterable[nn.Parameter], head: Iterable[nn.Parameter], train: Train, steps: int
) -> tuple[AdamW, LambdaLR]:
    """AdamW and its schedule. Parameters of one dimension (biases, normalisation) have no weight decay; frozen
    parameters are skipped."""
    started = train.started("random").head_learning_rate
    head_rate = train.learning_rate if started is None or started == "auto" else started
    groups = [
        {"params": params, "lr": peak, "weight_decay": decay}
        for parameters, peak in ((list(encoder), train.learning_rate), (list(head), head_rate))
        for params, decay in _by_decay(parameters, train.weight_decay)
        if params
    ]
    adam = AdamW(groups, fused=True)
    return adam, LambdaLR(adam, lambda step: rate_factor(min(step, steps), steps, train.warmup_ratio))


def _by_decay(parameters: Iterable[nn.Parameter], decay: float) -> list[tuple[list[nn.Parameter], float]]:
    trained = [p for p in parameters if p.requires_grad]
    return [([p for p in trained if p.dim() > 1], decay), ([p for p in trained if p.dim() <= 1], 0.0)]


def clip_gradients(adam: AdamW, norm: float) -> None:
    """Clip the joint norm of all gradients."""
    torch.nn.utils.clip_grad_norm_([p for group in adam.param_groups for p in group["params"]], norm)
