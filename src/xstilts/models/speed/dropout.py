"""Fast dropout on CPU, with random bits generated in blocks and applied as a bit mask.

torch samples one Bernoulli variable per element on one thread, which takes a sixth of a training step of a small
encoder (docs/performance.md). Here the rate is rounded to 15 bits (1/32,768). A bitwise AND is ten times as fast as a
product with booleans. Other devices use torch's dropout.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.models.compat import attention_implementation, register_attention, sdpa_attention_forward
from xstilts.models.split import family, text_tower

LEVELS = 1 << 15
_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
ATTENTION = "xstilts-fast-dropout"
"""The name of `attention_with_dropout` in transformers' registry."""


class Dropout(nn.Dropout):
    """Like torch's dropout, but fast on CPU. Uses torch's global random state."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.p in (0.0, 1.0) or input.device.type != "cpu":
            return super().forward(input)
        return drop(input, self.p)


def drop(values: Tensor, rate: float) -> Tensor:
    """Dropout: zero elements with probability `rate` and scale the others by 1 / (1 - rate)."""
    return apply_mask(values, keep_mask(values.shape, rate), rate)


def apply_mask(values: Tensor, mask: Tensor, rate: float) -> Tensor:
    """Dropout with a mask from `keep_mask`."""
    return _MaskAndScale.apply(values, mask, 1 / (1 - rate))  # type: ignore[return-value]


class _MaskAndScale(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, mask: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(mask)
        ctx.scale = scale
        return mask_out(values, mask).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return mask_out(gradients[0], mask).mul_(ctx.scale), None, None


def keep_mask(shape: torch.Size, rate: float, generator: torch.Generator | None = None) -> Tensor:
    """A random int16 mask: all bits are set for kept elements, none for dropped ones.

    The seed is one sample from the generator, or from torch's global random state.
    """
    seed = int(torch.randint(1 << 62, (1,), generator=generator))
    raw = np.random.SFC64(seed).random_raw(-(-shape.numel() // 4))
    # 15 random bits, so that the difference to the threshold fits into 16 bits; the shift copies its sign to all bits
    bits = torch.from_numpy(raw.view(np.int16))[: shape.numel()].view(shape).bitwise_right_shift_(1)
    return bits.neg_().add_(round(rate * LEVELS) - LEVELS // 2 - 1).bitwise_right_shift_(15)


def mask_out(values: Tensor, mask: Tensor) -> Tensor:
    """The values where the mask has all bits set, zero elsewhere."""
    integers = as_integers(values)
    return (integers & mask.to(integers.device, integers.dtype)).view(values.dtype)


def as_integers(values: Tensor) -> Tensor:
    """A view of the same memory as integers."""
    return values.view(_INTEGERS[values.element_size()])


def attention_with_dropout(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention with fast dropout; inputs [batch, heads, tokens, size], output [batch, tokens, heads, size].

    Without dropout, torch's implementation runs. If the module has a `layout` of episodes
    (`xstilts.models.speed.episode_batch`), that applies the dropout.
    """
    layout = getattr(module, "layout", None)
    if not dropout or (query.device.type != "cpu" and layout is None):
        return sdpa_attention_forward(module, query, key, value, attention_mask, dropout, scaling, **options)
    scores = query @ (key * (scaling or query.shape[-1] ** -0.5)).transpose(-1, -2)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    weights = scores.softmax(-1, dtype=scores.dtype)
    weights = layout.drop(weights, dropout) if layout else drop(weights, dropout)
    return (weights @ value).transpose(1, 2), None


def use_fast_dropout(model: PreTrainedModel) -> None:
    """Use fast dropout in all dropout modules, and in the attention of BERT-like layers."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p).train(child.training))
    tower = text_tower(model)
    if family(model).bert_layers and attention_implementation(tower) == "sdpa":
        register_attention(ATTENTION, attention_with_dropout)
        tower.set_attn_implementation(ATTENTION)
