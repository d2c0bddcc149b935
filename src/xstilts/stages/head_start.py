"""The start of a new linear head: the closed-form solution on the encoder's states."""

import numpy as np
import torch
from torch import Tensor, nn

from xstilts.config.training import HeadStart, Train
from xstilts.methods.lda import Lda
from xstilts.models.frozen_states import labelled_states
from xstilts.models.generic_head import GenericHeadModel
from xstilts.models.inputs import ModelInputs
from xstilts.problems import PROBLEMS
from xstilts.stages.training import TrainableModel

MAX_EXAMPLES = 10_000
"""The head is solved on at most this many training examples, evenly spaced."""
MAX_VECTORS = 10_000
"""The scale of the logits is fitted on at most this many vectors."""
SCALES = np.geomspace(1e-3, 1e2, 101).tolist()


def start_head(trainable: TrainableModel, inputs: ModelInputs, train: Train) -> HeadStart:
    """Set the head to the closed-form solution on the training examples, if `train` asks for it and the head is a
    linear layer over classes; otherwise it stays random. Returns which.

    Linear discriminant analysis with its default settings; one factor scales all logits to the lowest training loss, so
    that gradients are those of a calibrated classifier.
    """
    model, problem = trainable.trained_part, PROBLEMS[trainable.problem]
    if train.head_start == "random" or not problem.has_classes or not isinstance(model, GenericHeadModel):
        return "random"
    count = len(inputs.features)
    if model.dense is not None or not count:
        return "random"
    rows = range(count) if count <= MAX_EXAMPLES else np.linspace(0, count - 1, MAX_EXAMPLES).astype(int).tolist()
    batches = list(labelled_states(model, inputs.subset(rows), model.pooling))
    classifier, classes = Lda(), model.classifier.out_features
    head = classifier.fit(None, classifier.summarise(batches, classes), classes)
    vectors, labels = (torch.cat(tensors)[:MAX_VECTORS] for tensors in zip(*batches, strict=True))
    logits = nn.functional.linear(vectors, head["weight"], head["bias"])
    scale = min(SCALES, key=lambda scale: _loss(logits * scale, labels))
    with torch.no_grad():
        model.classifier.weight.copy_(head["weight"] * scale)
        model.classifier.bias.copy_(head["bias"].clamp(min=-1e4 / scale) * scale)
    return "closed-form"


def _loss(logits: Tensor, labels: Tensor) -> float:
    return nn.functional.cross_entropy(logits, labels).item()
