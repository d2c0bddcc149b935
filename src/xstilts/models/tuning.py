"""Which weights a stage trains, and where the part that trains begins."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.config.training import Train
from xstilts.errors import UserError
from xstilts.methods.method import Adapters
from xstilts.models.compat import checkpoints_gradients, use_gradient_checkpointing
from xstilts.models.heads import fresh_parameters
from xstilts.models.speed.dropout import use_fast_dropout
from xstilts.models.split import embeddings, family, image_side, layers, shared_by_layers, supports_split


def freeze(model: PreTrainedModel, train: Train) -> None:
    """Take the gradient off the embeddings and lower layers that keep their weights, and off what all layers read.

    Raises UserError where more layers are to be frozen than the encoder has.
    """
    depth = len(layers(model))
    if train.frozen_layers > depth:
        raise UserError(f"`frozen_layers: {train.frozen_layers}`, but the encoder has {depth} layers")
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    if train.freeze_embeddings or train.frozen_layers:
        for module in (embeddings(model), *shared_by_layers(model), *layers(model)[: train.frozen_layers]):
            module.requires_grad_(False)
    if train.frozen_layers == depth and (side := image_side(model)) is not None:
        side.requires_grad_(False)


def boundary(model: PreTrainedModel, train: Train) -> int | None:
    """The number of layers below what trains, or None where the embeddings train or the encoder cannot be split.

    Images join above it: what projects them may train where the layers that read them do not.
    """
    frozen = train.freeze_embeddings or train.frozen_layers > 0
    joined = getattr(model, "layer", train.frozen_layers)
    return min(train.frozen_layers, joined) if frozen and supports_split(model) else None


def set_dropout(model: PreTrainedModel, rate: float | None) -> None:
    """Make dropout quick, and of that rate where one is given."""
    use_fast_dropout(model)
    for module in model.modules():
        if isinstance(module, nn.Dropout) and rate is not None:
            module.p = rate


def checkpoint_layers(model: PreTrainedModel) -> None:
    """Let the layers keep their inputs alone, and run again in the backward pass, with the same dropout.

    Chen et al. (2016, arXiv 1604.06174). Raises UserError where the architecture does not support it.
    """
    for layer in layers(model):
        if not checkpoints_gradients(layer):
            raise UserError(
                f"transformers has no gradient checkpointing for {model.config.model_type} encoders",
                "take `gradient_checkpointing` out, and give `micro_batch_tokens` where memory is scarce",
            )
        use_gradient_checkpointing(layer)


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """The trained weights as they are now."""
    return {name: parameter.detach().clone() for name, parameter in trained_parameters(model).items()}


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give the model the weights of a `snapshot`."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, weight in weights.items():
            parameters[name].copy_(weight)


def split_head(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Trained parameters of the pretrained encoder, and those that were drawn: of the head, and of the image side."""
    head = {id(parameter) for parameter in fresh_parameters(model).values()}
    parameters = list(trained_parameters(model).values())
    return [p for p in parameters if id(p) not in head], [p for p in parameters if id(p) in head]


@contextmanager
def adapters(
    model: PreTrainedModel,
    settings: Adapters,
    seed: int,
    *,
    merge: bool,
    layer: int | None = None,
    dropout: float = 0.0,
) -> Iterator[None]:
    """Low-rank adapters on the attention of `model`, the only encoder weights that train while they are there.

    They go to every layer, or to `layer` alone, counted from 0; `dropout` is that of their input. Taken off at the
    end; with `merge` their product is added to the weights. Hu et al. (2022, arXiv 2106.09685).
    """
    weights = split_head(model)[0]
    for parameter in weights:
        parameter.requires_grad_(False)
    targets = attention(model, layer)
    config = LoraConfig(r=settings.rank, lora_alpha=settings.alpha, lora_dropout=dropout, target_modules=targets)
    head = list(fresh_parameters(model).values())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, model)
    for parameter in head:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        _take_off(model, merge)
        for parameter in weights:
            parameter.requires_grad_(True)


def attention(model: nn.Module, layer: int | None = None) -> list[str]:
    """Names of the projections that adapters go to, in all layers or in one, counted from 0."""
    within = set((model if layer is None else layers(model)[layer]).modules())
    projections = family(model).adapted
    linear = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    return [name for name, module in linear.items() if module in within and name.rpartition(".")[2] in projections]


def _take_off(model: nn.Module, merge: bool) -> None:
    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            if merge:
                module.merge()  # type: ignore[operator]
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, cast(nn.Module, module.get_base_layer()))
    vars(model).pop("peft_config", None)
