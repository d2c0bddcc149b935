"""The training loop. It yields after every step; the caller scores, saves, reports or stops."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from xstilts.errors import StageError
from xstilts.models.collate import Batch
from xstilts.models.inputs import autocast
from xstilts.problems.features import IGNORE_INDEX
from xstilts.train.optim import clip_gradients


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One finished optimiser step; `number` starts at 1."""

    number: int
    loss: float
    examples: int
    """Rows of its batch."""


def train(
    batches: Iterable[tuple[nn.Module, Sequence[Batch]]],
    adam: AdamW,
    schedule: LambdaLR,
    *,
    norm: float,
    precision: str,
    device: str,
) -> Iterator[Step]:
    """One optimiser step per model and batch. A batch is a list of micro-batches, weighted by their number of labels;
    models may share an encoder.

    Raises StageError at the first step with a loss that is not finite.
    """
    for number, (model, micro_batches) in enumerate(batches, start=1):
        model.train()
        losses: list[Tensor] = []
        for micro_batch, weight in zip(micro_batches, _weights(micro_batches), strict=True):
            with autocast(device, precision):
                loss = model(**micro_batch).loss * weight
            loss.backward()
            losses.append(loss.detach())
        clip_gradients(adam, norm)
        adam.step()
        schedule.step()
        adam.zero_grad(set_to_none=True)
        examples = sum(len(next(iter(micro_batch.values()))) for micro_batch in micro_batches)
        # last, because reading the loss waits for the accelerator to finish the step
        loss = check_finite(sum(loss.item() for loss in losses), number)
        yield Step(number=number, loss=loss, examples=examples)


def _weights(micro_batches: Sequence[Batch]) -> list[float]:
    """The weight of each micro-batch is its share of the labels, because a loss is a mean over labels."""
    if len(micro_batches) == 1:
        return [1.0]
    counts = [_label_count(micro_batch) for micro_batch in micro_batches]
    return [count / max(sum(counts), 1) for count in counts]


def _label_count(batch: Batch) -> int:
    return int((batch["labels"] != IGNORE_INDEX).sum()) if "labels" in batch else len(batch["start_positions"])


def check_finite(loss: float, step: int) -> float:
    """Return the loss of a step. Raises StageError if it is not finite."""
    if not math.isfinite(loss):
        raise StageError(f"the loss is {loss} at step {step}", "lower `learning_rate`, or use `precision: fp32`")
    return loss
