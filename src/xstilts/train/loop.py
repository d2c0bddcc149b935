"""The one training loop. It yields after every step; whoever calls it scores, saves, reports or stops."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from xstilts.errors import StageError
from xstilts.models.collate import Batch
from xstilts.models.inputs import autocast
from xstilts.problems.features import IGNORED
from xstilts.train.optim import clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One finished optimiser step; `number` begins at 1."""

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
    """One optimiser step for each pair of a model and its batch, in parts that count by their labels; models may share
    an encoder.

    Raises StageError at the first step whose loss is not finite.
    """
    for number, (model, parts) in enumerate(batches, start=1):
        model.train()
        losses: list[Tensor] = []
        for part, share in zip(parts, _shares(parts), strict=True):
            with autocast(device, precision):
                loss = model(**part).loss * share
            loss.backward()
            losses.append(loss.detach())
        clip(adam, norm)
        adam.step()
        schedule.step()
        adam.zero_grad(set_to_none=True)
        # looked at last: an accelerator has all of the step to do before it is waited for
        yield Step(number=number, loss=finite(sum(loss.item() for loss in losses), number))


def _shares(parts: Sequence[Batch]) -> list[float]:
    """What part of all labels each part has: a loss is a mean over its labels."""
    if len(parts) == 1:
        return [1.0]
    counts = [_labels(part) for part in parts]
    return [count / max(sum(counts), 1) for count in counts]


def _labels(part: Batch) -> int:
    if "labels" in part:
        return int((part["labels"] != IGNORED).sum())
    return len(part["start_positions"])


def finite(loss: float, step: int) -> float:
    """The loss of a step. Raises StageError where it is not finite."""
    if not math.isfinite(loss):
        raise StageError(f"the loss is {loss} at step {step}", "lower `learning_rate`, or use `precision: fp32`")
    return loss
