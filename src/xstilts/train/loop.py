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
    for number, (model, parts) in enumerate(batches, start=1):
        model.train()
        losses: list[Tensor] = []
        for part, share in zip(parts, _shares(parts), strict=True):
            with autocast(device, precision):
                loss = model(**part).loss * share
            loss.backward()
            losses.append(loss.detach())
        clip_gradients(adam, norm)
        adam.step()
        schedule.step()
        adam.zero_grad(set_to_none=True)
        # read the loss last: this waits for the accelerator to finish the step
        yield Step(number=number, loss=check_finite(sum(loss.item() for loss in losses), number))


def _shares(parts: Sequence[Batch]) -> list[float]:
    """The share of labels in each micro-batch, because a loss is a mean over labels."""
    if len(parts) == 1:
        return [1.0]
    counts = [_labels(part) for part in parts]
    return [count / max(sum(counts), 1) for count in counts]


def _labels(part: Batch) -> int:
    if "labels" in part:
        return int((part["labels"] != IGNORE_INDEX).sum())
    return len(part["start_positions"])


def check_finite(loss: float, step: int) -> float:
    """Return the loss of a step. Raises StageError if it is not finite."""
    if not math.isfinite(loss):
        raise StageError(f"the loss is {loss} at step {step}", "lower `learning_rate`, or use `precision: fp32`")
    return loss
