"""One training run: objectives, their schedule, the loop, and checkpoint selection."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

import numpy as np
import torch
from torch import nn

from xstilts.config.training import Train
from xstilts.data.batches import count_steps, examples_needed, training_batches
from xstilts.models.collate import Batch, micro_batches
from xstilts.models.tuning import split_head, trained_parameters
from xstilts.platform.hardware import release_free_memory
from xstilts.platform.progress import report
from xstilts.problems.features import Feature
from xstilts.train.checkpoint import CheckpointSelector, Strategy
from xstilts.train.loop import train as loop
from xstilts.train.optim import optimiser

AVERAGED_CHECKPOINTS = 10
RECENT_STEPS = 20
"""Steps whose mean loss is reported."""
RELEASE_MEMORY_SECONDS = 5.0
"""Seconds between releases of free memory to the system on CPU, which batches of varying length leave behind."""


class BatchSource(Protocol):
    """Training data that an objective draws its batches from."""

    @property
    def lengths(self) -> list[int]: ...
    @property
    def device(self) -> str: ...
    @property
    def loss_is_mean(self) -> bool:
        """Whether the loss of a batch is a mean over examples or labels, so that the batch can be split."""
        ...

    def batch(self, indices: Sequence[int], *, labels: bool) -> Batch: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A model and its training data. The objectives of one run share their encoder; each has its own head."""

    model: nn.Module
    batches: BatchSource
    fresh_head: bool = True
    """Whether the head uses the head learning rate; a head pretrained with the encoder uses the encoder's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """The result of a run besides the weights: steps, selected step, losses, development scores."""

    steps: int
    step_kept: int | None
    """0 if no step was better than the initial weights; None if checkpoints were averaged."""
    first_loss: float
    last_loss: float
    """Means over the first and last tenth of the steps."""
    curve: tuple[tuple[int, float], ...]


def seed_of(seed: int, *purpose: object) -> int:
    """A seed for one purpose, derived from the run's seed. It is the same in every arm, so arms differ only by
    training."""
    text = "\0".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def steps_of(lengths: Sequence[int], train: Train) -> int:
    """The number of optimiser steps that the settings give for features of these lengths."""
    if train.steps is not None:
        return train.steps
    return count_steps(lengths, epochs=train.epochs, batch_size=train.batch_size, batch_tokens=train.batch_tokens)


def examples_used(features: Sequence[Feature], steps: int, train: Train, seed: int) -> Sequence[Feature]:
    """The features that this many steps can use."""
    indices = examples_needed(len(features), steps, batch_size=train.batch_size, rng=np.random.default_rng(seed))
    return features if len(indices) == len(features) else [features[index] for index in indices]


def fit(
    objectives: Sequence[Objective],
    schedule: Sequence[int],
    train: Train,
    *,
    seed: int,
    strategy: Strategy = "last",
    score: Callable[[], float] | None = None,
    score_initial_weights: bool = False,
) -> TrainingResult:
    """Train one batch of objective `schedule[step]` per step. Deterministic for a given `seed` on one kind of machine.

    With `score_initial_weights`, the initial weights take part in the selection as step 0.
    """
    steps = len(schedule)
    parameters = _parameters(objectives)
    adam, lr_schedule = optimiser(*_encoder_and_head(objectives), train, steps)
    points = AVERAGED_CHECKPOINTS if strategy == "average" else train.evaluations
    selector = CheckpointSelector(parameters, steps, strategy, points, score, train.patience)
    if score_initial_weights:
        selector.consider_initial_weights()
    losses: list[float] = []
    examples = 0
    report("training", 0, steps)
    batches = _batches(objectives, schedule, train, seed)
    device, last_release = objectives[0].batches.device, time.monotonic()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for step in loop(
            batches, adam, lr_schedule, norm=train.max_grad_norm, precision=train.precision, device=device
        ):
            losses.append(step.loss)
            selector.after_step(step.number)
            if device == "cpu" and time.monotonic() - last_release > RELEASE_MEMORY_SECONDS:
                release_free_memory()
                last_release = time.monotonic()
            examples += step.examples
            report("training", step.number, steps, examples=examples, loss=lambda: fmean(losses[-RECENT_STEPS:]))
            if selector.has_stopped_improving:
                break
    selector.load_selected_weights()
    first, last = mean_end_losses(losses)
    return TrainingResult(
        steps=len(losses),
        step_kept=None if strategy == "average" else selector.selected_step,
        first_loss=first,
        last_loss=last,
        curve=tuple(selector.curve),
    )


def _batches(
    objectives: Sequence[Objective], schedule: Sequence[int], train: Train, seed: int
) -> Iterator[tuple[nn.Module, list[Batch]]]:
    streams = [
        batch_indices(objective.batches, train, seed, objective_index)
        for objective_index, objective in enumerate(objectives)
    ]
    for objective_index in schedule:
        inputs = objectives[objective_index].batches
        batch = inputs.batch(next(streams[objective_index]), labels=True)
        max_tokens = train.micro_batch_tokens if inputs.loss_is_mean else None
        yield objectives[objective_index].model, [batch] if max_tokens is None else micro_batches(batch, max_tokens)


def batch_indices(inputs: BatchSource, train: Train, seed: int, number: int = 0) -> Iterator[list[int]]:
    """An endless stream of batches (lists of indices) for objective `number`."""
    rng = np.random.default_rng([seed, number])
    return training_batches(inputs.lengths, batch_size=train.batch_size, batch_tokens=train.batch_tokens, rng=rng)


def mean_end_losses(losses: Sequence[float]) -> tuple[float, float]:
    """Means over the first and last tenth of the steps."""
    tenth = max(1, len(losses) // 10)
    return float(np.mean(losses[:tenth])), float(np.mean(losses[-tenth:]))


def _parameters(objectives: Sequence[Objective]) -> dict[str, nn.Parameter]:
    """Each trained parameter once, with a name that is unique over the objectives."""
    named = {
        id(p): (f"{n}.{name}", p)
        for n, objective in enumerate(objectives)
        for name, p in trained_parameters(objective.model).items()
    }
    return dict(named.values())


def _encoder_and_head(objectives: Sequence[Objective]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    groups: tuple[dict[int, nn.Parameter], dict[int, nn.Parameter]] = ({}, {})
    for objective in objectives:
        encoder, head = split_head(objective.model)
        for group, parameters in zip(
            groups, (encoder, head) if objective.fresh_head else (encoder + head, []), strict=True
        ):
            group.update((id(p), p) for p in parameters)
    return list(groups[0].values()), list(groups[1].values())
