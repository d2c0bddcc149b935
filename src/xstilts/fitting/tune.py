"""Fine-tunes the encoder on English rows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.config.training import Train
from xstilts.data.features import featurise
from xstilts.data.tokenised import token_ids
from xstilts.models.families import Pooling
from xstilts.models.heads import load_with_head
from xstilts.models.split import backbone, layers
from xstilts.platform.progress import Report, reporting_to
from xstilts.problems import Example, ProblemName
from xstilts.stages.head_start import start_head
from xstilts.stages.training import make_trainable
from xstilts.train.fit import Objective, fit, steps_of

EPOCHS = 10.0
TRAINED_SHARE = 1 / 3
"""Upper layers that are trained; the others are frozen and run once."""
MAX_LENGTH = 128


class BudgetSpentError(Exception):
    """Training would take longer than its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneCost:
    """Seconds per encoded text of the whole encoder, from which the time of training is estimated."""

    seconds_per_text: float

    def seconds(self, texts: int, epochs: float = EPOCHS) -> float:
        """Frozen layers once, then forward and backward through the trained ones in every epoch; and both of it again
        to encode all texts with the trained encoder."""
        return self.seconds_per_text * texts * (2 + 3 * TRAINED_SHARE * epochs)


def train_settings(encoder_layers: int, epochs: float, precision: str, threads: int) -> Train:
    return Train(
        epochs=epochs,
        learning_rate=1e-4,
        frozen_layers=round(encoder_layers * (1 - TRAINED_SHARE)),
        max_length=MAX_LENGTH,
        precision=cast(Any, precision),
        threads=threads,
    )


def tuned_encoder(
    folder: Path,
    tokenizer: PreTrainedTokenizerBase,
    pooling: Pooling,
    problem: ProblemName,
    examples: Sequence[Example],
    labels: tuple[str, ...],
    *,
    epochs: float,
    precision: str,
    threads: int,
    device: str,
    seed: int,
    stop: float,
    report: Callable[[str, int, int], None],
) -> PreTrainedModel:
    """The encoder after training with a linear head on these examples, in evaluation mode. The last step is kept.

    Raises BudgetSpentError if training is not done at `stop` (of `time.monotonic`). `report` is called with steps.
    """
    model = load_with_head(problem, folder, labels=labels, seed=seed, head="pooled", pooling=pooling)
    train = train_settings(len(layers(model)), epochs, precision, threads)

    def watch(progress: Report) -> None:
        if progress.phase == "training":
            report("fine-tuning", progress.done, progress.total)
        if time.monotonic() > stop:
            raise BudgetSpentError

    with reporting_to(watch):
        features = featurise(problem, examples, tokenizer, labels, train.max_length)
        trainable = make_trainable(model, problem, tokenizer, train, device, lambda: token_ids(features))
        inputs = trainable.inputs(features)
        started = train.started(start_head(trainable, inputs, train))
        schedule = [0] * steps_of(inputs.lengths, train)
        fit([Objective(model=trainable.trained_part, batches=inputs)], schedule, started, seed=seed)
    if trainable.vocabulary is not None:
        trainable.vocabulary.expand(1.0)
    return cast(PreTrainedModel, backbone(trainable.model).eval())
