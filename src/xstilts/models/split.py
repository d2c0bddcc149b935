"""The parts of an encoder, and the encoder cut in two at a layer. Parameters are shared, never copied."""

import copy
from typing import TypeVar, cast

import torch
from torch import nn
from transformers import PreTrainedModel

_Module = TypeVar("_Module", bound=nn.Module)

_SPLITS = frozenset({"bert", "roberta", "xlm-roberta", "deberta-v2", "modernbert"})


def backbone(model: nn.Module) -> PreTrainedModel:
    """The encoder inside `model`: without task head, but with its pooler if it has one."""
    return cast(PreTrainedModel, cast(PreTrainedModel, model).base_model)


def image_side(model: nn.Module) -> nn.Module | None:
    """What turns features of images into states, where the encoder reads images."""
    return getattr(model, "image", None)


def text_tower(model: nn.Module) -> PreTrainedModel:
    """What holds the embeddings and the layers that read texts: the encoder, or the one of texts inside a dual."""
    encoder = backbone(model)
    inside = getattr(encoder, "text_model", None)
    return encoder if inside is None else backbone(inside)


def embeddings(model: nn.Module) -> nn.Module:
    """The module that turns token ids into the first layer's input."""
    return cast(nn.Module, text_tower(model).embeddings)


def layers(model: nn.Module) -> nn.ModuleList:
    """The transformer blocks, lowest first."""
    owner, name = _stack(text_tower(model))
    return cast(nn.ModuleList, getattr(owner, name))


def read_by_all(model: nn.Module) -> list[nn.Module]:
    """What every transformer block reads besides the states: DeBERTa's relative positions, and their norm."""
    owner, _ = _stack(text_tower(model))
    found = (getattr(owner, name, None) for name in ("rel_embeddings", "LayerNorm"))
    return [module for module in found if isinstance(module, nn.Module)]


def hidden_states(model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Output of the embeddings and of each layer: layers + 1 tensors of [batch, tokens, hidden].

    The last is the encoder's output, after the final norm where the architecture has one.
    """
    output = backbone(model)(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
    return (*output.hidden_states[:-1], output.last_hidden_state)


def supports_split(model: nn.Module) -> bool:
    """Whether `run_lower` and `truncate` give what the whole model gives.

    Not for an architecture that is not known here, nor where a convolution beside the first layer reads the embeddings.
    """
    encoder = backbone(model)
    return encoder.config.model_type in _SPLITS and not getattr(encoder.config, "conv_kernel_size", 0)


def run_lower(
    model: nn.Module,
    count: int,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    token_type_ids: torch.Tensor | None = None,
) -> torch.Tensor:
    """Embeddings and the first `count` layers: ids [batch, tokens] to activations [batch, tokens, hidden].

    Further leading dimensions, as of multiple choice, are kept.
    """
    shape = input_ids.shape
    inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
    if token_type_ids is not None:
        inputs["token_type_ids"] = token_type_ids
    flat = {name: value.reshape(-1, shape[-1]) for name, value in inputs.items()}
    hidden = _lower(model, count)(**flat).last_hidden_state
    return hidden.view(*shape, hidden.shape[-1])


def run_between(
    truncated: nn.Module, count: int, activations: torch.Tensor, attention_mask: torch.Tensor
) -> torch.Tensor:
    """The first `count` layers of a truncated model: activations [batch, tokens, hidden] to activations.

    Further leading dimensions are kept.
    """
    shape = activations.shape
    hidden = activations.reshape(-1, *shape[-2:])
    mask = attention_mask.reshape(-1, shape[-2])
    return _lower(truncated, count)(inputs_embeds=hidden, attention_mask=mask).last_hidden_state.view(shape)


def truncate(model: PreTrainedModel, count: int) -> PreTrainedModel:
    """`model` without embeddings and its first `count` layers, to be called with what `run_lower` gave.

    `truncate(model, n)(inputs_embeds=run_lower(model, n, ids, mask), attention_mask=mask, labels=labels)` equals
    `model(input_ids=ids, attention_mask=mask, labels=labels)`. Layers and head are the same objects as in `model`, so
    training one trains the other; layer numbers in parameter names begin at 0 again.
    """
    if (own := getattr(model, "truncated", None)) is not None:
        return own(count)
    _check(model, count)
    encoder = backbone(model)
    upper = _with(_with_layers(encoder, layers(model)[count:]), "embeddings", _Given())
    return _around(model, upper)


def with_layers(model: PreTrainedModel, blocks: nn.ModuleList) -> PreTrainedModel:
    """A twin of `model` with other transformer blocks, that shares everything else."""
    return _around(model, _with_layers(backbone(model), blocks))


def _around(model: PreTrainedModel, encoder: PreTrainedModel) -> PreTrainedModel:
    """`encoder` under the head of `model`, if that has one."""
    return encoder if model is backbone(model) else _with(model, model.base_model_prefix, encoder)


class _Given(nn.Module):
    """Stands for the embeddings: the activations are given."""

    def forward(self, *, inputs_embeds: torch.Tensor, **_: object) -> torch.Tensor:
        return inputs_embeds


class _Unchanged(nn.Module):
    """Stands for no layers in DeBERTa's encoder, which expects one that returns a pair."""

    def forward(self, hidden: torch.Tensor, *_: object, **__: object) -> tuple[torch.Tensor, None]:
        return hidden, None


def _lower(model: nn.Module, count: int) -> PreTrainedModel:
    _check(model, count)
    lower = _with_layers(backbone(model), layers(model)[:count])
    for name, stand_in in (("pooler", None), ("final_norm", nn.Identity())):
        if getattr(lower, name, None) is not None:
            lower = _with(lower, name, stand_in)
    return lower


def _check(model: nn.Module, count: int) -> None:
    if not supports_split(model):
        raise ValueError(f"{backbone(model).config.model_type} encoders cannot be split at a layer")
    if not 0 <= count <= len(layers(model)):
        raise ValueError(f"the encoder has {len(layers(model))} layers, so it cannot be split after {count}")


def _stack(encoder: PreTrainedModel) -> tuple[nn.Module, str]:
    """The module that holds the blocks, and under which name."""
    for owner in (encoder, cast(nn.Module, getattr(encoder, "encoder", encoder))):
        if isinstance(getattr(owner, "layers", None), nn.ModuleList):
            return owner, "layers"
    return cast(nn.Module, encoder.encoder), "layer"


def _with_layers(encoder: PreTrainedModel, blocks: nn.ModuleList) -> PreTrainedModel:
    if not blocks and encoder.config.model_type == "deberta-v2":
        blocks = nn.ModuleList([_Unchanged()])
    owner, name = _stack(encoder)
    if owner is encoder:
        return _with(encoder, name, blocks)
    return _with(encoder, "encoder", _with(owner, name, blocks))


def _with(module: _Module, name: str, child: nn.Module | None) -> _Module:
    """A copy of `module` that has another child called `name` and shares everything else."""
    twin = copy.copy(module)
    twin._modules = module._modules | {name: child}
    return twin
