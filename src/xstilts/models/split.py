"""Access to an encoder's modules, and splitting of an encoder at a layer. Parameters are shared, never copied."""

from functools import reduce
from typing import cast

import torch
from torch import nn
from transformers import PreTrainedModel

from xstilts.errors import UserError
from xstilts.models.compat import with_child
from xstilts.models.families import (
    BY_MODEL_TYPE,
    USUAL_EMBEDDINGS,
    USUAL_LAYERS,
    USUAL_PROJECTIONS,
    Family,
)


def backbone(model: nn.Module) -> PreTrainedModel:
    """The encoder inside `model`, without task head but with its pooler if it has one."""
    return cast(PreTrainedModel, cast(PreTrainedModel, model).base_model)


def image_projector(model: nn.Module) -> nn.Module | None:
    """The module that projects image features to the encoder's hidden size, or None without images."""
    return getattr(model, "image", None)


def text_tower(model: nn.Module) -> PreTrainedModel:
    """The module with the embeddings and layers for text: the encoder, or the text tower of a dual encoder."""
    encoder = backbone(model)
    text_model = getattr(encoder, "text_model", None)
    return encoder if text_model is None else backbone(text_model)


def family(model: nn.Module) -> Family:
    """The family of the text encoder. For an architecture without a row, common module names are tried.

    Raises UserError if none of them exists.
    """
    tower = text_tower(model)
    return BY_MODEL_TYPE.get(tower.config.model_type) or _by_usual_names(tower)


def embeddings(model: nn.Module) -> nn.Module:
    """The module that turns token ids into the first layer's input."""
    return text_tower(model).get_submodule(family(model).embeddings)


def layers(model: nn.Module) -> nn.ModuleList:
    """The transformer layers, lowest first."""
    return cast(nn.ModuleList, text_tower(model).get_submodule(family(model).layers))


def shared_modules(model: nn.Module) -> list[nn.Module]:
    """Modules whose output every layer reads: DeBERTa's relative position embeddings and their norm."""
    return _existing(text_tower(model), family(model).shared_modules)


def hidden_states(model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The output of the embeddings and of each layer: layers + 1 tensors [batch, tokens, hidden].

    The last one is the encoder's output, after the final norm if there is one.
    """
    output = backbone(model)(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
    return (*output.hidden_states[:-1], output.last_hidden_state)


def supports_split(model: nn.Module) -> bool:
    """Whether the encoder can be split at a layer. False for dual encoders and architectures without a family."""
    config = backbone(model).config
    row = BY_MODEL_TYPE.get(config.model_type)
    return row is not None and row.splittable(config)


def run_lower(
    model: nn.Module,
    count: int,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    token_type_ids: torch.Tensor | None = None,
) -> torch.Tensor:
    """Run the embeddings and the first `count` layers: ids [..., tokens] to activations [..., tokens, hidden]."""
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
    """Run the first `count` layers of a truncated model on activations [..., tokens, hidden]; returns that shape."""
    shape = activations.shape
    hidden = activations.reshape(-1, *shape[-2:])
    mask = attention_mask.reshape(-1, shape[-2])
    return _lower(truncated, count)(inputs_embeds=hidden, attention_mask=mask).last_hidden_state.view(shape)


def truncate(model: PreTrainedModel, count: int) -> PreTrainedModel:
    """`model` without embeddings and its first `count` layers; its input is the output of `run_lower`.

    `truncate(model, n)(inputs_embeds=run_lower(model, n, ids, mask), attention_mask=mask, labels=labels)` equals
    `model(input_ids=ids, attention_mask=mask, labels=labels)`. Layers and head are shared with `model`, so training
    one trains the other. Layer numbers in parameter names start at 0 again. Raises ValueError if the encoder cannot
    be split there.
    """
    if (truncated := getattr(model, "truncated", None)) is not None:
        return truncated(count)
    _check(model, count)
    upper = _with_layers(backbone(model), layers(model)[count:])
    return _with_encoder(model, with_child(upper, family(model).embeddings, _NoEmbeddings()))


def with_layers(model: PreTrainedModel, blocks: nn.ModuleList) -> PreTrainedModel:
    """A shallow copy of `model` with the transformer layers replaced, sharing everything else."""
    return _with_encoder(model, _with_layers(backbone(model), blocks))


def _with_encoder(model: PreTrainedModel, encoder: PreTrainedModel) -> PreTrainedModel:
    return encoder if model is backbone(model) else with_child(model, model.base_model_prefix, encoder)


class _NoEmbeddings(nn.Module):
    """Replaces the embeddings of a truncated model: returns the activations unchanged."""

    def forward(self, *, inputs_embeds: torch.Tensor, **_: object) -> torch.Tensor:
        return inputs_embeds


class _IdentityLayer(nn.Module):
    """Replaces an empty list of layers in an encoder that needs at least one."""

    def forward(self, hidden: torch.Tensor, *_: object, **__: object) -> tuple[torch.Tensor, None]:
        return hidden, None


def _lower(model: nn.Module, count: int) -> PreTrainedModel:
    """The encoder's embeddings and first `count` layers, without pooler and final norm."""
    _check(model, count)
    lower = _with_layers(backbone(model), layers(model)[:count])
    if (norm := family(model).final_norm) is not None:
        lower = with_child(lower, norm, nn.Identity())
    return lower if getattr(lower, "pooler", None) is None else with_child(lower, "pooler", None)


def _check(model: nn.Module, count: int) -> None:
    if not supports_split(model):
        raise ValueError(f"{backbone(model).config.model_type} encoders cannot be split at a layer")
    if not 0 <= count <= len(layers(model)):
        raise ValueError(f"the encoder has {len(layers(model))} layers, so it cannot be split after {count}")


def _with_layers(encoder: PreTrainedModel, blocks: nn.ModuleList) -> PreTrainedModel:
    row = family(encoder)
    return with_child(
        encoder, row.layers, blocks if blocks or not row.requires_layer else nn.ModuleList([_IdentityLayer()])
    )


def _by_usual_names(tower: PreTrainedModel) -> Family:
    layers = [path for path in USUAL_LAYERS if any(isinstance(m, nn.ModuleList) for m in _existing(tower, (path,)))]
    embeddings = [path for path in USUAL_EMBEDDINGS if _existing(tower, (path,))]
    if not layers or not embeddings:
        raise UserError(
            f"{tower.config.model_type} encoders are not supported: their layers or embeddings have unusual names",
            f"use one of these architectures: {', '.join(BY_MODEL_TYPE)}",
        )
    return Family(
        model_types=(tower.config.model_type,),
        layers=layers[0],
        embeddings=embeddings[0],
        splittable=lambda config: False,
        lora_targets=USUAL_PROJECTIONS,
    )


def _existing(encoder: nn.Module, paths: tuple[str, ...]) -> list[nn.Module]:
    """The modules at the dotted paths that exist."""
    modules = (reduce(lambda module, name: getattr(module, name, None), path.split("."), encoder) for path in paths)  # type: ignore[arg-type]
    return [module for module in modules if isinstance(module, nn.Module)]
