"""Trains several few-shot episodes in one batched run."""

from collections.abc import Iterator, Sequence
from statistics import fmean

from torch import nn

from xstilts.config.training import Train
from xstilts.models.collate import Batch
from xstilts.models.inputs import autocast
from xstilts.models.speed.episode_batch import EpisodeBatch
from xstilts.platform.progress import report
from xstilts.train.fit import BatchSource, TrainingResult, batch_indices, mean_end_losses
from xstilts.train.loop import check_finite
from xstilts.train.optim import optimiser


def fit_episode_batch(
    episode_batch: EpisodeBatch,
    all_inputs: Sequence[BatchSource],
    steps: int,
    train: Train,
    *,
    seeds: Sequence[int],
    head: frozenset[str],
) -> list[TrainingResult]:
    """Train every episode for `steps` steps to its last weights, with the same result as `xstilts.train.fit.fit`.

    Parameters in `head` use the head's learning rate. Raises StageError if a loss is not finite.
    """
    adam, schedule = optimiser(*_encoder_and_head(episode_batch, head), train, steps)
    streams = [batch_indices(inputs, train, seed) for inputs, seed in zip(all_inputs, seeds, strict=True)]
    curves: list[list[float]] = [[] for _ in all_inputs]
    examples = 0
    report("training", 0, steps)
    for step in range(steps):
        batches = [inputs.batch(next(stream), labels=True) for inputs, stream in zip(all_inputs, streams, strict=True)]
        for episode, loss in _backward(episode_batch, batches, train, all_inputs[0].device):
            curves[episode].append(check_finite(loss, step + 1))
        for parameters in episode_batch.parameters:
            nn.utils.clip_grad_norm_(parameters.values(), train.max_grad_norm)
        adam.step()
        schedule.step()
        adam.zero_grad(set_to_none=True)
        examples += sum(len(batch["attention_mask"]) for batch in batches)
        report("training", step + 1, steps, examples=examples, loss=lambda: fmean(curve[-1] for curve in curves))
    results: list[TrainingResult] = []
    for curve in curves:
        first, last = mean_end_losses(curve)
        results.append(TrainingResult(steps=steps, step_kept=steps, first_loss=first, last_loss=last, curve=()))
    return results


def _backward(
    episode_batch: EpisodeBatch, batches: Sequence[Batch], train: Train, device: str
) -> Iterator[tuple[int, float]]:
    """Accumulate the gradients of a step, and yield each episode's index and loss."""
    with autocast(device, train.precision):
        for run, losses in episode_batch.losses(batches):
            losses.sum().backward()
            yield from zip(run, losses.tolist(), strict=True)


def _encoder_and_head(
    episode_batch: EpisodeBatch, head: frozenset[str]
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    named = [item for episode_parameters in episode_batch.parameters for item in episode_parameters.items()]
    return [p for name, p in named if name not in head], [p for name, p in named if name in head]
