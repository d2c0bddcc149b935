"""The two halves of a layer of BERT or XLM-R, each as one operation of autograd: quicker, and with less to keep.

Query, key and value come from one product. For the way back each half keeps what its products read, once and in their
precision; torch's own operations keep casts and copies of it besides. GELU's output is reckoned again from its input.
Layer norms and residual sums stay in fp32. On processors only: elsewhere torch has kernels that are fused further.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from xstilts.models.compat import attention_implementation, share_children
from xstilts.models.families import BY_MODEL_TYPE
from xstilts.models.speed.dropout import ATTENTION, bits_of, kept, mask_out
from xstilts.models.speed.first_token import FirstToken
from xstilts.models.split import backbone, layers, text_tower, with_layers

_aten = torch.ops.aten


class Layer(GradientCheckpointingLayer):
    """A layer, its modules shared, that trains as said above.

    Where it is not trained, or not as a whole, or other modules have moved in, it runs as torch does. Hooks of the
    modules inside do not see a training pass, and transformers does not record the states of this class.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        share_children(self, layer)
        if isinstance(layer, GradientCheckpointingLayer) and layer.gradient_checkpointing:
            self.gradient_checkpointing = True
            self._gradient_checkpointing_func = layer._gradient_checkpointing_func

    def forward(self, hidden_states: Tensor, attention_mask: Tensor | None = None, *_: object, **__: object) -> Tensor:
        block = cast(Any, self)
        if not self._trains():
            attended = block.attention(hidden_states, attention_mask)[0]
            return block.output(block.intermediate(attended), attended)
        inner, output = block.attention.self, block.attention.output
        precision = _precision(hidden_states)
        attention = _How(precision, output.dropout.p, output.LayerNorm.eps, inner.num_attention_heads, inner.dropout.p)
        dense = _How(precision, block.output.dropout.p, block.output.LayerNorm.eps)
        with torch.autocast("cpu", enabled=False):  # each product's precision is chosen below
            weights = _weights(inner.query, inner.key, inner.value, output.dense, output.LayerNorm)
            attended = _Attention.apply(attention, attention_mask, hidden_states.float(), *weights)
            weights = _weights(block.intermediate.dense, block.output.dense, block.output.LayerNorm)
            return _FeedForward.apply(dense, attended, *weights)  # type: ignore[return-value]

    def _trains(self) -> bool:
        """Whether all of it trains in fp32, with the six linear layers that it was built with: adapters are more."""
        inner = cast(Any, self).attention.self
        linear = [module for module in self.modules() if hasattr(module, "in_features")]
        plain = len(linear) == 6 and all(type(module) is nn.Linear for module in linear)
        whole = all(p.requires_grad and p.dtype == torch.float32 for p in self.parameters())
        return plain and whole and inner.training and torch.is_grad_enabled()


class _How(NamedTuple):
    """Precision of the products, rate of dropout, the norm's epsilon; attention's heads and the rate of its shares."""

    precision: torch.dtype
    rate: float
    epsilon: float
    heads: int = 1
    share_rate: float = 0.0


def use_fused_backward(part: PreTrainedModel, device: str) -> PreTrainedModel:
    """`part` with layers that train as said above, where they are known and run on a processor. Weights are shared."""
    config = backbone(part).config
    row = BY_MODEL_TYPE.get(config.model_type)
    known = row is not None and row.bert_layers and config.hidden_act == "gelu" and not config.is_decoder
    if device != "cpu" or not known or attention_implementation(text_tower(part)) != ATTENTION:
        return part
    blocks = [layer if isinstance(layer, FirstToken) else Layer(layer) for layer in layers(part)]
    return with_layers(part, nn.ModuleList(blocks).train(part.training))


def _precision(hidden: Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else hidden.dtype


def _weights(*modules: Any) -> list[Tensor]:
    return [tensor for module in modules for tensor in (module.weight, module.bias)]


class _Attention(torch.autograd.Function):
    """Self-attention, its output's projection, dropout, residual sum and norm: [batch, tokens, hidden] to the same.

    The weights are those, and the biases, of query, key, value, output and norm, in turn.
    """

    @staticmethod
    def forward(ctx: Any, how: _How, mask: Tensor | None, hidden: Tensor, *weights: Tensor) -> Tensor:
        inputs = hidden.to(how.precision)
        out, out_bias = (weight.to(how.precision) for weight in weights[6:8])
        joint = functional.linear(inputs, _joint(weights[0:6:2], how), _joint(weights[1:6:2], how))
        query, key, value = heads = _heads(joint, how.heads)
        shares = _shares(query, key, mask)
        marked = _marked(shares, kept(shares.shape, how.share_rate)) if how.share_rate else shares
        found = _beside(_left(marked, how.share_rate) @ value)
        sums, kept_sums = _summed(functional.linear(found, out, out_bias), hidden, how.rate)
        normed, mean, spread = _normed(sums, weights[8], weights[9], how.epsilon)
        ctx.how = how
        ctx.save_for_backward(
            *(inputs, _if_needed(mask), out, heads, marked, found, *weights[0:6:2]),
            *(sums, kept_sums, mean, spread, *weights[8:]),
        )
        return normed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inputs, mask, out, heads, marked, found, *rest = ctx.saved_tensors
        projections, norm = rest[:3], rest[3:]
        how: _How = ctx.how
        residual, projected, *of_norm = _back_norm(gradients[0], how, *norm)
        of_out = _of_weights(projected, found)
        mixed = _heads(projected @ out, how.heads, 1)[0]
        joined = _joined(_back_heads(mixed, heads, marked, mask, how))
        of_weight, of_bias = _of_weights(joined, inputs)
        of_projections = [part for pair in zip(of_weight.chunk(3), of_bias.chunk(3), strict=True) for part in pair]
        below = residual.add_(joined @ _joint(projections, how)) if ctx.needs_input_grad[2] else None
        return None, None, below, *of_projections, *of_out, *of_norm


class _FeedForward(torch.autograd.Function):
    """Two products with GELU between, dropout, residual sum and norm: [batch, tokens, hidden] to the same.

    The weights are those, and the biases, of the first product, the second and the norm, in turn.
    """

    @staticmethod
    def forward(ctx: Any, how: _How, hidden: Tensor, *weights: Tensor) -> Tensor:
        inputs = hidden.to(how.precision)
        rise, rise_bias, fall, fall_bias = (weight.to(how.precision) for weight in weights[:4])
        risen = functional.linear(inputs, rise, rise_bias)
        sums, kept_sums = _summed(functional.linear(functional.gelu(risen), fall, fall_bias), hidden, how.rate)
        normed, mean, spread = _normed(sums, weights[4], weights[5], how.epsilon)
        ctx.how = how
        ctx.save_for_backward(inputs, rise, fall, risen, sums, kept_sums, mean, spread, *weights[4:])
        return normed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inputs, rise, fall, risen, *norm = ctx.saved_tensors
        residual, fallen, *of_norm = _back_norm(gradients[0], ctx.how, *norm)
        of_fall = _of_weights(fallen, functional.gelu(risen))
        of_risen = _aten.gelu_backward(fallen @ fall, risen)
        of_rise = _of_weights(of_risen, inputs)
        return None, residual.add_(of_risen @ rise), *of_rise, *of_fall, *of_norm


def _joint(projections: Sequence[Tensor], how: _How) -> Tensor:
    """Weights or biases of query, key and value as those of one projection; made again for the way back."""
    return torch.cat(list(projections)).to(how.precision)


def _heads(joint: Tensor, heads: int, parts: int = 3) -> Tensor:
    """[batch, tokens, parts * hidden] to [parts, batch, heads, tokens, size]."""
    batch, tokens, _ = joint.shape
    return joint.view(batch, tokens, parts, heads, -1).permute(2, 0, 3, 1, 4).contiguous()


def _joined(heads: Tensor) -> Tensor:
    """[parts, batch, heads, tokens, size] to [batch, tokens, parts * hidden]."""
    return heads.permute(1, 3, 0, 2, 4).flatten(2)


def _beside(heads: Tensor) -> Tensor:
    """[batch, heads, tokens, size] to [batch, tokens, hidden]."""
    return heads.transpose(1, 2).flatten(2)


def _shares(query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
    """Attention's shares, [batch, heads, tokens, tokens]."""
    scores = query @ (key * query.shape[-1] ** -0.5).transpose(-1, -2)
    if mask is not None:
        scores.masked_fill_(~mask, torch.finfo(scores.dtype).min)
    return torch.softmax(scores, -1)


def _if_needed(mask: Tensor | None) -> Tensor | None:
    """The mask where some token sees none: its shares are no zeros, yet nothing follows from its scores."""
    return mask if mask is not None and not mask.any(-1).all() else None


def _back_heads(mixed: Tensor, heads: Tensor, marked: Tensor, mask: Tensor | None, how: _How) -> Tensor:
    """Gradients of query, key and value, [3, batch, heads, tokens, size], by that of the mixed values."""
    query, key, value = heads
    found = torch.empty_like(heads)
    torch.matmul(_left(marked, how.share_rate).transpose(-1, -2), mixed, out=found[2])
    of_shares = mask_out(mixed @ value.transpose(-1, -2), _mask_of(marked)).mul_(1 / (1 - how.share_rate))
    of_scores = _aten._softmax_backward_data(of_shares, marked.abs(), -1, how.precision)
    if mask is not None:
        of_scores.masked_fill_(~mask, 0.0)
    of_scores *= query.shape[-1] ** -0.5
    torch.matmul(of_scores, key, out=found[0])
    torch.matmul(of_scores.transpose(-1, -2), query, out=found[1])
    return found


def _marked(shares: Tensor, mask: Tensor) -> Tensor:
    """The shares, which are never negative, with a minus where they are dropped: one tensor to keep instead of two."""
    bits = bits_of(shares)
    return (bits | (~mask.to(bits.dtype) & torch.iinfo(bits.dtype).min)).view(shares.dtype)


def _mask_of(marked: Tensor) -> Tensor:
    """What was kept, as all bits or none, from the signs of `_marked`."""
    bits = bits_of(marked)
    return ~(bits >> (torch.iinfo(bits.dtype).bits - 1))


def _left(marked: Tensor, rate: float) -> Tensor:
    """What dropout leaves of the shares."""
    return marked.relu().mul_(1 / (1 - rate))


def _summed(values: Tensor, residual: Tensor, rate: float) -> tuple[Tensor, Tensor | None]:
    """The residual plus what dropout leaves of the values, in fp32, and what was kept."""
    if not rate:
        return residual + values, None
    mask = kept(values.shape, rate)
    return torch.add(residual, mask_out(values, mask), alpha=1 / (1 - rate)), mask


def _normed(values: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """The norm, and the means and inverse deviations that its way back needs."""
    return torch.native_layer_norm(values, values.shape[-1:], weight, bias, epsilon)


def _back_norm(
    gradient: Tensor,
    how: _How,
    sums: Tensor,
    mask: Tensor | None,
    mean: Tensor,
    spread: Tensor,
    weight: Tensor,
    bias: Tensor,
) -> Sequence[Tensor]:
    """Gradients of the residual, of the values before dropout in the products' precision, and of the norm's weights."""
    of_sums, *of_norm = _aten.native_layer_norm_backward(
        gradient, sums, sums.shape[-1:], mean, spread, weight, bias, [True, True, True]
    )
    of_values = torch.empty_like(of_sums, dtype=how.precision)  # scaled in fp32, then rounded
    torch.mul(of_sums, 1 / (1 - how.rate), out=of_values)
    return of_sums, of_values if mask is None else mask_out(of_values, mask), *of_norm


def _of_weights(outputs: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of a linear layer's weight and bias, in fp32, by those of its outputs."""
    flat = outputs.flatten(0, -2)
    return (flat.T @ inputs.flatten(0, -2)).float(), flat.sum(0).float()
