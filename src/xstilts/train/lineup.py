"""One training run for several few-shot episodes side by side."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from xstilts.data.batches import training_batches
from xstilts.errors import StageError
from xstilts.models.feed import autocast
from xstilts.models.lineup import Lineup
from xstilts.settings import Train
from xstilts.train.fit import Feeding, Fitted
from xstilts.train.optim import optimiser


def fit_lineup(
    lineup: Lineup,
    feeds: Sequence[Feeding],
    steps: int,
    train: Train,
    *,
    seeds: Sequence[int],
    head: frozenset[str],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> list[Fitted]:
    """Train every episode for so many steps, each as `xstilts.train.fit.fit` would alone, and keep the last weights.

    `head` are the names of the parameters that have the head's rate. Raises StageError where a loss is not finite.
    """
    encoder, fresh = _sides(lineup, head)
    adam, schedule = optimiser(encoder, fresh, train, steps, stacked=True)
    streams = [
        training_batches(
            feed.lengths,
            batch_size=train.batch_size,
            batch_tokens=train.batch_tokens,
            rng=np.random.default_rng([seed, 0]),
        )
        for feed, seed in zip(feeds, seeds, strict=True)
    ]
    found: list[list[float]] = []
    for step in range(steps):
        batches = [feed.batch(next(stream), labels=True) for feed, stream in zip(feeds, streams, strict=True)]
        with autocast(feeds[0].device, train.precision):
            losses = lineup.losses(batches)
        found.append(_finite(losses, step))
        losses.sum().backward()
        _clip(list(lineup.parameters.values()), train.clip)
        adam.step()
        schedule.step()
        adam.zero_grad(set_to_none=True)
        report(step + 1, steps)
    return [_fitted(curve, steps) for curve in zip(*found, strict=True)]


def _sides(lineup: Lineup, head: frozenset[str]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    named = lineup.parameters.items()
    return [p for name, p in named if name not in head], [p for name, p in named if name in head]


def _finite(losses: Tensor, step: int) -> list[float]:
    values = losses.tolist()
    if not all(map(math.isfinite, values)):
        raise StageError(f"a loss is not finite at step {step + 1}", "lower `learning_rate`, or use `precision: fp32`")
    return values


def _clip(parameters: Sequence[nn.Parameter], most: float) -> None:
    """Scale the gradients of those episodes down whose joint norm is larger."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    norms = torch.stack([torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients]).norm(dim=0)
    factors = (most / (norms + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factors.view(-1, *[1] * (gradient.dim() - 1)))


def _fitted(losses: Sequence[float], steps: int) -> Fitted:
    tenth = max(1, steps // 10)
    first, last = float(np.mean(losses[:tenth])), float(np.mean(losses[-tenth:]))
    return Fitted(steps=steps, step_kept=steps, first_loss=first, last_loss=last, curve=())
