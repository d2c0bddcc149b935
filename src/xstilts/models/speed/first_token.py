"""A top layer that computes only the first token's output, for heads that read nothing else.

Keys and values are computed for all tokens; queries, attention output and feed-forward layer only for the first. This
saves five sixths of the layer's computation.
"""

from typing import Any, cast

from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.models.compat import share_children
from xstilts.models.families import BY_MODEL_TYPE
from xstilts.models.speed.dropout import attention_with_dropout
from xstilts.models.split import backbone, layers, with_layers
from xstilts.problems import PROBLEMS, ProblemName


class FirstTokenLayer(nn.Module):
    """A layer of BERT or XLM-R with output [batch, 1, hidden]. It shares the modules of the original layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        share_children(self, layer)

    def forward(self, hidden_states: Tensor, attention_mask: Tensor | None = None, *_: object, **__: object) -> Tensor:
        layer = cast(Any, self)
        first = hidden_states[:, :1]
        attention = _attend(layer.attention.self, first, hidden_states, attention_mask)
        attended = layer.attention.output(attention, first)
        return layer.output(layer.intermediate(attended), attended)


def _attend(module: Any, first: Tensor, hidden: Tensor, mask: Tensor | None) -> Tensor:
    """Self-attention [batch, 1, hidden] of the first token to all tokens."""

    def split_heads(values: Tensor) -> Tensor:
        return values.view(*values.shape[:-1], -1, module.attention_head_size).transpose(1, 2)

    query, key, value = (
        split_heads(module.query(first)),
        split_heads(module.key(hidden)),
        split_heads(module.value(hidden)),
    )
    first_mask = None if mask is None else mask[..., :1, :]
    rate = module.dropout.p if module.training else 0.0
    output, _ = attention_with_dropout(module, query, key, value, first_mask, rate, module.scaling)
    return output.reshape(*first.shape[:-1], -1)


def use_first_token(model: PreTrainedModel, problem: ProblemName) -> PreTrainedModel:
    """`model` with a first-token top layer if its head reads only the first token, otherwise `model` itself. Weights
    are shared."""
    row = BY_MODEL_TYPE.get(backbone(model).config.model_type)
    if getattr(model, "pooling", "first") != "first":
        return model
    if not PROBLEMS[problem].reads_first_token or row is None or not row.bert_layers or not len(layers(model)):
        return model
    blocks = nn.ModuleList([*layers(model)[:-1], FirstTokenLayer(layers(model)[-1])])
    return with_layers(model, blocks.train(model.training))
