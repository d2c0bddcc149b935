"""The closed-form solution of a linear head on the encoder's states, before or after training."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xstilts.config.training import HeadStart, Train
from xstilts.methods.lda import Lda
from xstilts.methods.lda_choices import choice_loss
from xstilts.models.frozen_states import labelled_states
from xstilts.models.inputs import ModelInputs
from xstilts.models.linear_layer import linear_layer
from xstilts.problems import PROBLEMS, Problem
from xstilts.stages.training import TrainableModel

MAX_EXAMPLES = 10_000
"""The head is solved on at most this many training examples, evenly spaced."""
MAX_VECTORS = 10_000
"""The scale of the logits is fitted on at most this many vectors."""
SCALES = np.geomspace(1e-3, 1e2, 101).tolist()


def start_head(trainable: TrainableModel, inputs: ModelInputs, train: Train) -> HeadStart:
    """Set the head to the closed-form solution on the training examples, if `train` asks for it and the head is a
    linear layer over the classes of texts or words; otherwise it stays random. Returns which.

    With images it stays random, because the layer below the linear one is random too; for multiple choice, because the
    closed form was not better on development data (docs/guides/defaults.md).
    """
    if train.head_start == "random" or PROBLEMS[trainable.problem].head not in ("sequence", "token"):
        return "random"
    return "closed-form" if solve_head(trainable, inputs) else "random"


def solve_head(trainable: TrainableModel, inputs: ModelInputs, max_examples: int | None = MAX_EXAMPLES) -> bool:
    """Set the head to the closed-form solution on these examples, at most `max_examples`. Returns whether it can be.

    Linear discriminant analysis with its default settings; one factor scales all logits to the lowest training loss, so
    that gradients are those of a calibrated classifier.
    """
    model, problem = trainable.trained_part, PROBLEMS[trainable.problem]
    count = len(inputs.features)
    layer = linear_layer(model)
    if not count or layer is None or not problem.has_linear_head:
        return False
    if max_examples is not None and count > max_examples:
        inputs = inputs.subset(np.linspace(0, count - 1, max_examples).astype(int).tolist())
    classifier, classes = Lda().classifier(problem), layer.out_features
    first: list[tuple[Tensor, Tensor]] = []

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        """All batches; the first ones are kept for the scale."""
        for vectors, labels in labelled_states(model, inputs, getattr(model, "pooling", "mean")):
            if sum(len(rows) for rows, _ in first) < MAX_VECTORS:
                first.append((vectors, labels))
            yield vectors, labels

    head = classifier.fit(None, classifier.summarise(batches(), classes), classes)
    vectors, labels = (torch.cat(tensors)[:MAX_VECTORS] for tensors in zip(*first, strict=True))
    logits = nn.functional.linear(vectors, head["weight"], head["bias"])
    scale = min(SCALES, key=lambda scale: _loss(logits * scale, labels, problem))
    with torch.no_grad():
        layer.weight.copy_(head["weight"] * scale)
        layer.bias.copy_(head["bias"].clamp(min=-1e4 / scale) * scale)
    return True


def _loss(logits: Tensor, labels: Tensor, problem: Problem[Any]) -> float:
    if problem.head == "choice":
        return choice_loss(logits[:, 0], labels)
    if problem.loss == "binary cross-entropy":
        return nn.functional.binary_cross_entropy_with_logits(logits, labels).item()
    return nn.functional.cross_entropy(logits, labels).item()
