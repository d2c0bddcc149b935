"""The closed-form solution of a linear head on the encoder's states, before or after training."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xstilts.config.training import HeadStart, Train
from xstilts.methods import closed_form_head
from xstilts.methods.frozen_states import FrozenStatesMethod
from xstilts.methods.lda_choices import choice_loss
from xstilts.methods.leave_one_out import Rows
from xstilts.models.frozen_states import numbered_states
from xstilts.models.inputs import ModelInputs
from xstilts.models.linear_layer import linear_layer
from xstilts.problems import PROBLEMS, Example, Problem
from xstilts.stages.training import TrainableModel

MAX_EXAMPLES = 10_000
"""The head is solved on at most this many training examples, evenly spaced."""
MAX_VECTORS = 10_000
"""The scale of the logits is fitted on at most this many vectors."""
LEAST_BIAS = -1e4
"""The bias of a class without examples."""
SCALES = np.geomspace(1e-3, 1e2, 101).tolist()


def start_head(trainable: TrainableModel, inputs: ModelInputs, examples: Sequence[Example], train: Train) -> HeadStart:
    """Set the head to the closed-form solution on the training examples, if `train` asks for it and the head is a
    linear layer over the classes of texts or words; otherwise it stays random. Returns which. `examples` are those that
    the features of `inputs` number.

    With images it stays random, because the layer below the linear one is random too; for multiple choice, because the
    closed form was not better on development data (docs/guides/defaults.md).
    """
    if train.head_start == "random" or PROBLEMS[trainable.problem].head not in ("sequence", "token"):
        return "random"
    return "closed-form" if solve_head(trainable, inputs, examples) else "random"


def solve_head(
    trainable: TrainableModel,
    inputs: ModelInputs,
    examples: Sequence[Example],
    max_examples: int | None = MAX_EXAMPLES,
) -> bool:
    """Set the head to the closed-form solution on these examples, at most `max_examples`. Returns whether it can be.

    `examples` are those that the features of `inputs` number.
    """
    model, problem = trainable.trained_part, PROBLEMS[trainable.problem]
    count = len(inputs.features)
    layer = linear_layer(model)
    if not count or layer is None or not problem.has_linear_head:
        return False
    if max_examples is not None and count > max_examples:
        inputs = inputs.subset(np.linspace(0, count - 1, max_examples).astype(int).tolist())
    method, classes = closed_form_head(problem), layer.out_features
    solved = _calibrated if method.selects_on_english else _scaled
    weight, bias = solved(method, trainable, inputs, examples, classes)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return True


def _calibrated(
    method: FrozenStatesMethod,
    trainable: TrainableModel,
    inputs: ModelInputs,
    examples: Sequence[Example],
    classes: int,
) -> tuple[Tensor, Tensor]:
    """The head of a method that minimises a loss with a penalty, so that its logits need no scale."""
    vectors, labels, numbers = zip(*_states(trainable, inputs), strict=True)
    groups = [examples[inputs.features[number].example].group for batch in numbers for number in batch]
    english = method.select_on_english(Rows(torch.cat(vectors), torch.cat(labels), groups), classes)
    head = method.fit(None, english, classes)
    return head["weight"], head["bias"].clamp(min=LEAST_BIAS)


def _scaled(
    method: FrozenStatesMethod,
    trainable: TrainableModel,
    inputs: ModelInputs,
    examples: Sequence[Example],
    classes: int,
) -> tuple[Tensor, Tensor]:
    """The head of a discriminant. One factor scales all logits to the lowest training loss, so that gradients are
    those of a calibrated classifier."""
    problem = PROBLEMS[trainable.problem]
    classifier = method.classifier(problem)
    first: list[tuple[Tensor, Tensor]] = []

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        """All batches; the first ones are kept for the scale."""
        for vectors, labels, _ in _states(trainable, inputs):
            if sum(len(rows) for rows, _ in first) < MAX_VECTORS:
                first.append((vectors, labels))
            yield vectors, labels

    head = classifier.fit(None, classifier.summarise(batches(), classes), classes)
    vectors, labels = (torch.cat(tensors)[:MAX_VECTORS] for tensors in zip(*first, strict=True))
    logits = nn.functional.linear(vectors, head["weight"], head["bias"])
    scale = min(SCALES, key=lambda scale: _loss(logits * scale, labels, problem))
    return head["weight"] * scale, head["bias"].clamp(min=LEAST_BIAS / scale) * scale


def _states(trainable: TrainableModel, inputs: ModelInputs) -> Iterator[tuple[Tensor, Tensor, Sequence[int]]]:
    model = trainable.trained_part
    return numbered_states(model, inputs, getattr(model, "pooling", "mean"))


def _loss(logits: Tensor, labels: Tensor, problem: Problem[Any]) -> float:
    if problem.head == "choice":
        return choice_loss(logits[:, 0], labels)
    if problem.loss == "binary cross-entropy":
        return nn.functional.binary_cross_entropy_with_logits(logits, labels).item()
    return nn.functional.cross_entropy(logits, labels).item()
