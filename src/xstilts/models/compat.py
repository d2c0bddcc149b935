"""Every private part of torch and transformers that this package touches: the one file to look at after an upgrade.

Each function says why nothing public does the same. Checked with torch 2.13 and transformers 5.23.
"""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_utils import AttentionInterface
from transformers.models.auto.modeling_auto import MODEL_MAPPING

__all__ = [
    "attention_implementation",
    "checkpoints_gradients",
    "children",
    "has_head",
    "initialise",
    "mark_uninitialised",
    "model_class",
    "register_attention",
    "sdpa_attention_forward",
    "share_children",
    "use_gradient_checkpointing",
    "with_child",
    "with_children",
]

_Module = TypeVar("_Module", bound=nn.Module)


def model_class(config: PreTrainedConfig) -> type[PreTrainedModel] | None:
    """The bare model's class. Private module: `AutoModel` names no class before it loads one."""
    return cast("type[PreTrainedModel] | None", MODEL_MAPPING.get(type(config), None))


def has_head(auto: Any, config: PreTrainedConfig) -> bool:
    """Whether `auto`, such as `AutoModelForMultipleChoice`, knows this configuration; else only an error would say."""
    return type(config) in auto._model_mapping


def mark_uninitialised(parameter: nn.Parameter) -> None:
    """Let `initialise` draw a parameter that `from_pretrained` has marked as loaded or as drawn."""
    parameter._is_hf_initialized = False  # pyright: ignore[reportAttributeAccessIssue]


def initialise(model: PreTrainedModel, module: nn.Module) -> None:
    """Draw one module by the architecture's own rule; `init_weights` would draw the whole model."""
    model._init_weights(module)


def checkpoints_gradients(layer: nn.Module) -> bool:
    """Whether transformers can run this layer again in the backward pass."""
    return isinstance(layer, GradientCheckpointingLayer)


def use_gradient_checkpointing(layer: nn.Module) -> None:
    """Run this layer again in the backward pass; `gradient_checkpointing_enable` acts on whole models only."""
    checkpointed = cast(GradientCheckpointingLayer, layer)
    checkpointed.gradient_checkpointing = True
    checkpointed._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)  # type: ignore[assignment]


def attention_implementation(model: PreTrainedModel) -> str | None:
    """The name set by `set_attn_implementation`, which has no public getter."""
    return model.config._attn_implementation


def register_attention(name: str, attention: Callable[..., Any]) -> None:
    """Make an attention function known under a name, with the masks of torch's scaled dot-product attention."""
    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, sdpa_mask)


def children(module: nn.Module) -> Mapping[str, nn.Module | None]:
    """Child modules by name, those that are None too; `named_children` leaves those out, and repeated modules."""
    return module._modules


def with_children(module: _Module, replaced: Mapping[str, nn.Module | None]) -> _Module:
    """A shallow copy of `module` with other children; parameters and buffers are shared. Setting the attribute of a
    shallow copy would change the original, which has the same dictionary of children."""
    twin = copy.copy(module)
    twin._modules = module._modules | replaced  # type: ignore[assignment]
    return twin


def with_child(module: _Module, path: str, child: nn.Module | None) -> _Module:
    """A shallow copy of `module` with another child at a dotted path, sharing everything else."""
    name, _, rest = path.partition(".")
    return with_children(module, {name: with_child(getattr(module, name), rest, child) if rest else child})


def share_children(module: nn.Module, owner: nn.Module) -> None:
    """Let `module` have the children of `owner`, without registering them a second time by name."""
    module._modules = owner._modules
