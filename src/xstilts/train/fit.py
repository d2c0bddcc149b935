"""One training run: lessons, an order of them, the loop, and the checkpoint that is kept."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn

from xstilts.config.training import Train
from xstilts.data.batches import count_steps, enough, training_batches
from xstilts.models.collate import Batch, parts
from xstilts.models.tuning import split_head, trained_parameters
from xstilts.platform.hardware import release_free_memory
from xstilts.problems.features import Feature
from xstilts.train.checkpoint import CheckpointSelector, Strategy
from xstilts.train.loop import train as loop
from xstilts.train.optim import optimiser

POINTS_OF_AVERAGE = 10
TIDY = 5.0
"""Seconds after which memory that batches of other lengths left behind goes back to the system; it takes hundredths."""


class BatchSource(Protocol):
    """Training data that a lesson draws its batches from."""

    @property
    def lengths(self) -> list[int]: ...
    @property
    def device(self) -> str: ...
    @property
    def divisible(self) -> bool:
        """Whether the loss of a batch is a mean over its examples or their labels."""
        ...

    def batch(self, indices: Sequence[int], *, labels: bool) -> Batch: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A model and its training data. Lessons of one run share their encoder, each has its own head."""

    model: nn.Module
    batches: BatchSource
    fresh_head: bool = True
    """Whether the head has a rate of its own; one that was pretrained with the encoder has the encoder's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What a run leaves beside the weights: steps taken, the step that was kept, losses, development scores."""

    steps: int
    step_kept: int | None
    """0 where no step was better than none; None where checkpoints were averaged."""
    first_loss: float
    last_loss: float
    """Means over the first and last tenth of the steps."""
    curve: tuple[tuple[int, float], ...]


def seed_of(seed: int, *purpose: object) -> int:
    """A seed for one purpose of a chain: the same in every arm, so that arms differ by their training alone."""
    text = "\0".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def steps_of(lengths: Sequence[int], train: Train) -> int:
    """Optimiser steps that the settings ask for on features of these lengths."""
    if train.steps is not None:
        return train.steps
    return count_steps(lengths, epochs=train.epochs, batch_size=train.batch_size, batch_tokens=train.batch_tokens)


def examples_used(features: Sequence[Feature], steps: int, train: Train, seed: int) -> Sequence[Feature]:
    """The features that so many steps can use."""
    kept = enough(len(features), steps, batch_size=train.batch_size, rng=np.random.default_rng(seed))
    return features if len(kept) == len(features) else [features[index] for index in kept]


def fit(
    objectives: Sequence[Objective],
    schedule: Sequence[int],
    train: Train,
    *,
    seed: int,
    strategy: Strategy = "last",
    score: Callable[[], float] | None = None,
    unchanged: bool = False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Fitted:
    """Train on one batch of lesson `order[step]` in each step. Deterministic in `seed` on one kind of machine.

    `unchanged` says whether the weights before the first step may be the best, and be kept as step 0.
    """
    steps = len(schedule)
    parameters = _parameters(objectives)
    adam, lr_schedule = optimiser(*_sides(objectives), train, steps)
    points = POINTS_OF_AVERAGE if strategy == "average" else train.evaluations
    keeper = CheckpointSelector(parameters, steps, strategy, points, score)
    if unchanged:
        keeper.start()
    losses: list[float] = []
    batches = _batches(objectives, schedule, train, seed)
    device, tidied = objectives[0].batches.device, time.monotonic()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for step in loop(
            batches, adam, lr_schedule, norm=train.max_grad_norm, precision=train.precision, device=device
        ):
            losses.append(step.loss)
            keeper.after(step.number)
            if device == "cpu" and time.monotonic() - tidied > TIDY:
                release_free_memory()
                tidied = time.monotonic()
            report(step.number, steps)
    keeper.finish()
    first, last = ends(losses)
    return Fitted(
        steps=steps,
        step_kept=None if strategy == "average" else keeper.kept,
        first_loss=first,
        last_loss=last,
        curve=tuple(keeper.curve),
    )


def _batches(
    objectives: Sequence[Objective], order: Sequence[int], train: Train, seed: int
) -> Iterator[tuple[nn.Module, list[Batch]]]:
    streams = [stream(objective.batches, train, seed, number) for number, objective in enumerate(objectives)]
    for number in order:
        inputs = objectives[number].batches
        batch = inputs.batch(next(streams[number]), labels=True)
        most = train.micro_batch_tokens if inputs.divisible else None
        yield objectives[number].model, [batch] if most is None else parts(batch, most)


def stream(inputs: BatchSource, train: Train, seed: int, number: int = 0) -> Iterator[list[int]]:
    """The batches of the lesson of that number, for ever."""
    rng = np.random.default_rng([seed, number])
    return training_batches(inputs.lengths, batch_size=train.batch_size, batch_tokens=train.batch_tokens, rng=rng)


def ends(losses: Sequence[float]) -> tuple[float, float]:
    """Means over the first and last tenth of the steps."""
    tenth = max(1, len(losses) // 10)
    return float(np.mean(losses[:tenth])), float(np.mean(losses[-tenth:]))


def _parameters(objectives: Sequence[Objective]) -> dict[str, nn.Parameter]:
    """Each trained parameter once, under a name that is unique over the lessons."""
    named = {
        id(p): (f"{n}.{name}", p)
        for n, objective in enumerate(objectives)
        for name, p in trained_parameters(objective.model).items()
    }
    return dict(named.values())


def _sides(objectives: Sequence[Objective]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    sides: tuple[dict[int, nn.Parameter], dict[int, nn.Parameter]] = ({}, {})
    for objective in objectives:
        encoder, head = split_head(objective.model)
        for side, parameters in zip(
            sides, (encoder, head) if objective.fresh_head else (encoder + head, []), strict=True
        ):
            side.update((id(p), p) for p in parameters)
    return list(sides[0].values()), list(sides[1].values())
