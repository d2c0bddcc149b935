"""Selects the parameters that a stage trains: frozen layers, adapters, dropout, gradient checkpointing."""

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
from xstilts.models.split import embeddings, family, image_projector, layers, shared_modules, supports_split
from xstilts.plurals import plural


def freeze(model: PreTrainedModel, train: Train) -> None:
    """Freeze the embeddings, the lower layers and the modules shared by all layers, as `train` says.

    Raises UserError if `frozen_layers` exceeds the number of layers.
    """
    depth = len(layers(model))
    if train.frozen_layers > depth:
        raise UserError(f"`frozen_layers: {train.frozen_layers}`, but the encoder has {plural(depth, 'layer')}")
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    if train.freeze_embeddings or train.frozen_layers:
        for module in (embeddings(model), *shared_modules(model), *layers(model)[: train.frozen_layers]):
            module.requires_grad_(False)
    if train.frozen_layers == depth and (projector := image_projector(model)) is not None:
        projector.requires_grad_(False)


def boundary(model: PreTrainedModel, train: Train) -> int | None:
    """The number of layers below all trained parameters, or None if the embeddings train or the encoder cannot be
    split. It is at most the fusion layer, because the image projector may train while the layers above it are frozen.
    """
    is_frozen = train.freeze_embeddings or train.frozen_layers > 0
    fusion_layer = getattr(model, "layer", train.frozen_layers)
    return min(train.frozen_layers, fusion_layer) if is_frozen and supports_split(model) else None


def set_dropout(model: PreTrainedModel, rate: float | None) -> None:
    """Use fast dropout, and set its rate unless `rate` is None."""
    use_fast_dropout(model)
    for module in model.modules():
        if isinstance(module, nn.Dropout) and rate is not None:
            module.p = rate


def enable_gradient_checkpointing(model: PreTrainedModel) -> None:
    """Enable gradient checkpointing of every layer (Chen et al. 2016, arXiv 1604.06174).

    Raises UserError if the architecture does not support it.
    """
    for layer in layers(model):
        if not checkpoints_gradients(layer):
            raise UserError(
                f"transformers has no gradient checkpointing for {model.config.model_type} encoders",
                "remove `gradient_checkpointing`, and set `micro_batch_tokens` to save memory",
            )
        use_gradient_checkpointing(layer)


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the trained weights."""
    return {name: parameter.detach().clone() for name, parameter in trained_parameters(model).items()}


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load weights from `snapshot`."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, weight in weights.items():
            parameters[name].copy_(weight)


def split_head(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The trained parameters that are pretrained, and those that are new: the head and a text encoder's projector."""
    fresh_ids = {id(parameter) for parameter in fresh_parameters(model).values()}
    parameters = list(trained_parameters(model).values())
    return [p for p in parameters if id(p) not in fresh_ids], [p for p in parameters if id(p) in fresh_ids]


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
    """LoRA adapters on the attention of `model`, with all other encoder weights frozen, inside a `with` block.

    Adapters are added to every layer, or only to `layer`, counted from 0; `dropout` applies to their input. At the end
    they are removed and, with `merge`, their product is added to the weights. Hu et al. (2022, arXiv 2106.09685).
    """
    encoder_weights = split_head(model)[0]
    for parameter in encoder_weights:
        parameter.requires_grad_(False)
    targets = attention_projections(model, layer)
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
        _remove_adapters(model, merge)
        for parameter in encoder_weights:
            parameter.requires_grad_(True)


def attention_projections(model: nn.Module, layer: int | None = None) -> list[str]:
    """Names of the projections that get adapters, in all layers or in one, counted from 0."""
    modules = set((model if layer is None else layers(model)[layer]).modules())
    projections = family(model).lora_targets
    linear = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    return [name for name, module in linear.items() if module in modules and name.rpartition(".")[2] in projections]


def _remove_adapters(model: nn.Module, merge: bool) -> None:
    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            if merge:
                module.merge()  # type: ignore[operator]
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, cast(nn.Module, module.get_base_layer()))
    vars(model).pop("peft_config", None)
