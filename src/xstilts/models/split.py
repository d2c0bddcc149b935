"""The parts of an encoder, and the encoder cut in two at a layer. Parameters are shared, never copied."""

from dataclasses import replace
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
    """The encoder inside `model`: without task head, but with its pooler if it has one."""
    return cast(PreTrainedModel, cast(PreTrainedModel, model).base_model)


def image_side(model: nn.Module) -> nn.Module | None:
    """The module that turns features of images into states, where the encoder reads images."""
    return getattr(model, "image", None)


def text_tower(model: nn.Module) -> PreTrainedModel:
    """The module with the embeddings and layers that read texts: the encoder, or the text half of a dual encoder."""
    encoder = backbone(model)
    inside = getattr(encoder, "text_model", None)
    return encoder if inside is None else backbone(inside)


def family(model: nn.Module) -> Family:
    """The row of the encoder that reads texts; for an architecture without one, its parts as they are usually named.

    Raises UserError where they are not.
    """
    tower = text_tower(model)
    return BY_MODEL_TYPE.get(tower.config.model_type) or _by_usual_names(tower)


def embeddings(model: nn.Module) -> nn.Module:
    """The module that turns token ids into the first layer's input."""
    return text_tower(model).get_submodule(family(model).embeddings)


def layers(model: nn.Module) -> nn.ModuleList:
    """The transformer layers, lowest first."""
    return cast(nn.ModuleList, text_tower(model).get_submodule(family(model).layers))


def shared_by_layers(model: nn.Module) -> list[nn.Module]:
    """Modules whose output every layer reads besides the states: DeBERTa's relative positions, and their norm."""
    return _existing(text_tower(model), family(model).read_by_layers)


def hidden_states(model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Output of the embeddings and of each layer: layers + 1 tensors of [batch, tokens, hidden].

    The last is the encoder's output, after the final norm where the architecture has one.
    """
    output = backbone(model)(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
    return (*output.hidden_states[:-1], output.last_hidden_state)


def supports_split(model: nn.Module) -> bool:
    """Whether `run_lower` and `truncate` give what the whole model gives.

    Not for a dual encoder, nor for an architecture without a row in the table of families.
    """
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
    """`model` without embeddings and its first `count` layers, to be called with the output of `run_lower`.

    `truncate(model, n)(inputs_embeds=run_lower(model, n, ids, mask), attention_mask=mask, labels=labels)` equals
    `model(input_ids=ids, attention_mask=mask, labels=labels)`. Layers and head are the same objects as in `model`, so
    training one trains the other; layer numbers in parameter names begin at 0 again.
    """
    if (truncated := getattr(model, "truncated", None)) is not None:
        return truncated(count)
    _check(model, count)
    upper = _with_layers(backbone(model), layers(model)[count:])
    return _under_head(model, with_child(upper, family(model).embeddings, _NoEmbeddings()))


def with_layers(model: PreTrainedModel, blocks: nn.ModuleList) -> PreTrainedModel:
    """A shallow copy of `model` with other transformer layers, sharing everything else."""
    return _under_head(model, _with_layers(backbone(model), blocks))


def _under_head(model: PreTrainedModel, encoder: PreTrainedModel) -> PreTrainedModel:
    """`encoder` under the head of `model`, if that has one."""
    return encoder if model is backbone(model) else with_child(model, model.base_model_prefix, encoder)


class _NoEmbeddings(nn.Module):
    """In place of the embeddings, where activations are the input: returns them unchanged."""

    def forward(self, *, inputs_embeds: torch.Tensor, **_: object) -> torch.Tensor:
        return inputs_embeds


class _IdentityLayer(nn.Module):
    """In place of no layers, for an encoder whose code needs one that returns a pair."""

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
        encoder, row.layers, blocks if blocks or not row.pads_layers else nn.ModuleList([_IdentityLayer()])
    )


def _by_usual_names(tower: PreTrainedModel) -> Family:
    layers = [path for path in USUAL_LAYERS if any(isinstance(m, nn.ModuleList) for m in _existing(tower, (path,)))]
    embeddings = [path for path in USUAL_EMBEDDINGS if _existing(tower, (path,))]
    if not layers or not embeddings:
        raise UserError(
            f"the layers or the embeddings of a {tower.config.model_type} encoder are not where they usually are",
            f"use one of these architectures: {', '.join(BY_MODEL_TYPE)}",
        )
    usual = Family(model_types=(tower.config.model_type,), layers=layers[0], embeddings=embeddings[0])
    return replace(usual, splittable=lambda config: False, adapted=USUAL_PROJECTIONS)


def _existing(encoder: nn.Module, paths: tuple[str, ...]) -> list[nn.Module]:
    """The modules at those of the dotted paths that lead to one."""
    ends = (reduce(lambda module, name: getattr(module, name, None), path.split("."), encoder) for path in paths)  # type: ignore[arg-type]
    return [module for module in ends if isinstance(module, nn.Module)]
