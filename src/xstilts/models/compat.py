"""All uses of private APIs of torch and transformers. Check this file after an upgrade.

Each function says why there is no public alternative. Tested with torch 2.13 and transformers 5.23.
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
    """The class of the bare model. `AutoModel` does not expose it before loading."""
    return cast("type[PreTrainedModel] | None", MODEL_MAPPING.get(type(config), None))


def has_head(auto: Any, config: PreTrainedConfig) -> bool:
    """Whether `auto`, such as `AutoModelForMultipleChoice`, supports this configuration. The public way is to catch an
    error."""
    return type(config) in auto._model_mapping


def mark_uninitialised(parameter: nn.Parameter) -> None:
    """Let `initialise` overwrite a parameter that `from_pretrained` has marked as initialised."""
    parameter._is_hf_initialized = False  # pyright: ignore[reportAttributeAccessIssue]


def initialise(model: PreTrainedModel, module: nn.Module) -> None:
    """Initialise one module as its architecture does; `init_weights` would initialise the whole model."""
    model._init_weights(module)


def checkpoints_gradients(layer: nn.Module) -> bool:
    """Whether transformers supports gradient checkpointing for this layer."""
    return isinstance(layer, GradientCheckpointingLayer)


def use_gradient_checkpointing(layer: nn.Module) -> None:
    """Enable gradient checkpointing of one layer; `gradient_checkpointing_enable` applies to whole models only."""
    checkpointed = cast(GradientCheckpointingLayer, layer)
    checkpointed.gradient_checkpointing = True
    checkpointed._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)  # type: ignore[assignment]


def attention_implementation(model: PreTrainedModel) -> str | None:
    """The name set by `set_attn_implementation`, which has no public getter."""
    return model.config._attn_implementation


def register_attention(name: str, attention: Callable[..., Any]) -> None:
    """Register an attention function that takes the masks of torch's scaled dot-product attention."""
    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, sdpa_mask)


def children(module: nn.Module) -> Mapping[str, nn.Module | None]:
    """Child modules by name; unlike `named_children`, including those that are None and shared modules."""
    return module._modules


def with_children(module: _Module, replaced: Mapping[str, nn.Module | None]) -> _Module:
    """A shallow copy of `module` with some children replaced; parameters and buffers are shared. Setting attributes of
    a plain shallow copy would change the original too, because both share the dictionary of children."""
    shallow = copy.copy(module)
    shallow._modules = module._modules | replaced  # type: ignore[assignment]
    return shallow


def with_child(module: _Module, path: str, child: nn.Module | None) -> _Module:
    """A shallow copy of `module` with the child at a dotted path replaced, sharing everything else."""
    name, _, rest = path.partition(".")
    return with_children(module, {name: with_child(getattr(module, name), rest, child) if rest else child})


def share_children(module: nn.Module, owner: nn.Module) -> None:
    """Let `module` use the children of `owner` without registering them again."""
    module._modules = owner._modules
