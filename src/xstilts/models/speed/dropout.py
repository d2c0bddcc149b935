"""Dropout that is quick on processors: random bits come in blocks, and a mask of bits is laid over the numbers.

torch draws one Bernoulli variable for each number on one thread, which takes a sixth of a training step of a small
encoder (docs/performance.md). Here 15 random bits decide, so the rate is met to 1/32,768. Products with booleans are
ten times as slow as bits over bits. On other devices it is torch's own.
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
ATTENTION = "xstilts-quick-dropout"
"""The name under which transformers knows `attend`."""


class Dropout(nn.Dropout):
    """As torch's, but quick on processors. Follows torch's global random state."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.p in (0.0, 1.0) or input.device.type != "cpu":
            return super().forward(input)
        return drop(input, self.p)


def drop(values: Tensor, rate: float) -> Tensor:
    """Zero at random with that rate, what is left scaled by 1 / (1 - rate)."""
    return apply_mask(values, kept(values.shape, rate), rate)


def apply_mask(values: Tensor, mask: Tensor, rate: float) -> Tensor:
    """As `drop`, with the mask of what is kept given."""
    return _Thin.apply(values, mask, 1 / (1 - rate))  # type: ignore[return-value]


class _Thin(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, mask: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(mask)
        ctx.scale = scale
        return mask_out(values, mask).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return mask_out(gradients[0], mask).mul_(ctx.scale), None, None


def kept(shape: torch.Size, rate: float, generator: torch.Generator | None = None) -> Tensor:
    """What is kept, as int16 of which all bits are set, or none.

    Seeded by one number from the generator, or from torch's random state.
    """
    seed = int(torch.randint(1 << 62, (1,), generator=generator))
    raw = np.random.SFC64(seed).random_raw(-(-shape.numel() // 4))
    # 15 bits, so that the difference from the threshold fits 16, whose sign then fills them
    bits = torch.from_numpy(raw.view(np.int16))[: shape.numel()].view(shape).bitwise_right_shift_(1)
    return bits.neg_().add_(round(rate * LEVELS) - LEVELS // 2 - 1).bitwise_right_shift_(15)


def mask_out(values: Tensor, mask: Tensor) -> Tensor:
    """The values where the mask has bits, and zero where it has none."""
    integers = bits_of(values)
    return (integers & mask.to(integers.device, integers.dtype)).view(values.dtype)


def bits_of(values: Tensor) -> Tensor:
    """The same memory, read as integers."""
    return values.view(_INTEGERS[values.element_size()])


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """From [batch, heads, tokens, size] to [batch, tokens, heads, size]; torch's own where nothing drops out.

    The shares are dropped by the `positions` of the module, where it has some (`xstilts.models.speed.episode_batch`).
    """
    positions = getattr(module, "positions", None)
    if not dropout or (query.device.type != "cpu" and positions is None):
        return sdpa_attention_forward(module, query, key, value, attention_mask, dropout, scaling, **options)
    scores = query @ (key * (scaling or query.shape[-1] ** -0.5)).transpose(-1, -2)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    shares = scores.softmax(-1, dtype=scores.dtype)
    shares = positions.drop(shares, dropout) if positions else drop(shares, dropout)
    return (shares @ value).transpose(1, 2), None


def use_fast_dropout(model: PreTrainedModel) -> None:
    """Give a model's dropout modules, and its attention where that is known here, the quick dropout."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p).train(child.training))
    tower = text_tower(model)
    if family(model).bert_layers and attention_implementation(tower) == "sdpa":
        register_attention(ATTENTION, attend)
        tower.set_attn_implementation(ATTENTION)
