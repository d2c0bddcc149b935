"""Adds classes to a trained head."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedModel

from xstilts.errors import UserError
from xstilts.models.split import backbone


def extend_head(model: PreTrainedModel, labels: Sequence[str], extended: Sequence[str], seed: int) -> None:
    """Give a classifier an output for each of the `extended` labels, which begin with its `labels`.

    The new rows of the last linear layer are the mean of the others, plus noise from `seed` as in the architecture's
    initialisation: their logits are neutral, however large the trained ones are. Raises UserError for a head that has
    no linear layer with an output for each label.
    """
    encoder_modules = {id(module) for module in backbone(model).modules()}
    layers = [
        module
        for module in model.modules()
        if isinstance(module, nn.Linear) and id(module) not in encoder_modules and module.out_features == len(labels)
    ]
    if not layers:
        raise UserError(
            f"the head of {type(model).__name__} cannot get the classes {', '.join(extended[len(labels) :])}",
            "remove these classes, or use a method on frozen features such as `lda`",
        )
    layer, count = layers[-1], len(extended) - len(labels)
    generator = torch.Generator().manual_seed(seed)
    std = getattr(model.config, "initializer_range", 0.02)
    rows = torch.randn(count, layer.in_features, generator=generator).to(layer.weight) * std
    weight = layer.weight.detach()
    layer.weight = nn.Parameter(torch.cat([weight, weight.mean(0) + rows]))
    if layer.bias is not None:
        bias = layer.bias.detach()
        layer.bias = nn.Parameter(torch.cat([bias, bias.mean().expand(count)]))
    layer.out_features = len(extended)
    model.config.id2label = dict(enumerate(extended))
    model.config.label2id = {label: number for number, label in enumerate(extended)}
    if hasattr(model, "num_labels"):
        cast(Any, model).num_labels = len(extended)
