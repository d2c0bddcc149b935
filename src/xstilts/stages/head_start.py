"""The closed-form solution of a linear head on the encoder's states, before or after training."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xstilts.config.training import HeadStart, Train
from xstilts.methods import closed_form_head
from xstilts.methods.lda import Lda
from xstilts.methods.lda_choices import choice_loss
from xstilts.methods.leave_one_out import Rows
from xstilts.models.frozen_states import numbered_states
from xstilts.models.inputs import ModelInputs
from xstilts.models.linear_layer import linear_layer
from xstilts.problems import PROBLEMS, Example, Problem
from xstilts.stages.training import TrainableModel

MAX_EXAMPLES = 10_000
"""A head starts from at most this many training examples, evenly spaced."""
MAX_VECTORS = 10_000
"""The scale of the logits is fitted on at most this many vectors."""
LEAST_BIAS, IMPOSSIBLE = -1e4, -1e20
"""The bias of a class without examples in a trained head, and what such biases are below in a solved one."""
SCALES = np.geomspace(1e-3, 1e2, 101).tolist()


def start_head(trainable: TrainableModel, inputs: ModelInputs, train: Train) -> HeadStart:
    """Set the head to linear discriminant analysis of at most MAX_EXAMPLES training examples, if `train` asks for it
    and the head is a linear layer over the classes of texts or words; otherwise it stays random. Returns which.

    With images it stays random, because the layer below the linear one is random too; for multiple choice, because the
    closed form was not better on development data, and neither was logistic regression (docs/guides/defaults.md).
    """
    layer = linear_layer(trainable.trained_part)
    if train.head_start == "random" or PROBLEMS[trainable.problem].head not in ("sequence", "token"):
        return "random"
    if layer is None or not (count := len(inputs.features)):
        return "random"
    if count > MAX_EXAMPLES:
        inputs = inputs.subset(np.linspace(0, count - 1, MAX_EXAMPLES).astype(int).tolist())
    _set(layer, *_discriminant(trainable, inputs, layer.out_features))
    return "closed-form"


def refit_head(trainable: TrainableModel, inputs: ModelInputs, examples: Sequence[Example]) -> bool:
    """Set the head to the one that the arm `frozen` would get on these states. Returns whether it is a linear layer.

    `examples` are those that the features of `inputs` number.
    """
    problem, layer = PROBLEMS[trainable.problem], linear_layer(trainable.trained_part)
    if layer is None or not problem.has_linear_head or not inputs.features:
        return False
    method = closed_form_head(problem)
    if not method.selects_on_english:
        _set(layer, *_discriminant(trainable, inputs, layer.out_features))
        return True
    vectors, labels, numbers = zip(*_states(trainable, inputs), strict=True)
    groups = [examples[inputs.features[number].example].group for batch in numbers for number in batch]
    english = method.select_on_english(Rows(torch.cat(vectors), torch.cat(labels), groups), layer.out_features)
    head = method.fit(None, english, layer.out_features)
    _set(layer, head["weight"], head["bias"])
    return True


def _set(layer: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    with torch.no_grad():
        layer.weight.copy_(weight)
        # a class without examples has a bias that overflows in training
        layer.bias.copy_(torch.where(bias < IMPOSSIBLE, LEAST_BIAS, bias))


def _discriminant(trainable: TrainableModel, inputs: ModelInputs, classes: int) -> tuple[Tensor, Tensor]:
    """Weight [classes, width] and bias [classes] of linear discriminant analysis. One factor scales all logits to the
    lowest training loss, so that gradients are those of a calibrated classifier."""
    problem = PROBLEMS[trainable.problem]
    classifier = Lda().classifier(problem)
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
    return head["weight"] * scale, torch.where(head["bias"] < IMPOSSIBLE, head["bias"], head["bias"] * scale)


def _states(trainable: TrainableModel, inputs: ModelInputs) -> Iterator[tuple[Tensor, Tensor, Sequence[int]]]:
    model = trainable.trained_part
    return numbered_states(model, inputs, getattr(model, "pooling", "mean"))


def _loss(logits: Tensor, labels: Tensor, problem: Problem[Any]) -> float:
    if problem.head == "choice":
        return choice_loss(logits[:, 0], labels)
    if problem.loss == "binary cross-entropy":
        return nn.functional.binary_cross_entropy_with_logits(logits, labels).item()
    return nn.functional.cross_entropy(logits, labels).item()
