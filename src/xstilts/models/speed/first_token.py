"""The top layer where a head reads the first token alone: nothing else of its output is computed.

Queries, the attention's output and the feed-forward part are those of one token; keys and values are those of all. For
a classifier that is five sixths of the layer's work.
"""

from typing import Any, cast

from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.models.compat import share_children
from xstilts.models.families import BY_MODEL_TYPE
from xstilts.models.speed.dropout import attend
from xstilts.models.split import backbone, layers, with_layers
from xstilts.problems import PROBLEMS, ProblemName


class FirstToken(nn.Module):
    """A layer of BERT or XLM-R, its modules shared, that gives [batch, 1, hidden]."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        share_children(self, layer)

    def forward(self, hidden_states: Tensor, attention_mask: Tensor | None = None, *_: object, **__: object) -> Tensor:
        block = cast(Any, self)
        states = hidden_states[:, :1]
        found = _attended(block.attention.self, states, hidden_states, attention_mask)
        attended = block.attention.output(found, states)
        return block.output(block.intermediate(attended), attended)


def _attended(inner: Any, states: Tensor, hidden: Tensor, mask: Tensor | None) -> Tensor:
    def heads(values: Tensor) -> Tensor:
        return values.view(*values.shape[:-1], -1, inner.attention_head_size).transpose(1, 2)

    query, key, value = heads(inner.query(states)), heads(inner.key(hidden)), heads(inner.value(hidden))
    seen = None if mask is None else mask[..., :1, :]
    rate = inner.dropout.p if inner.training else 0.0
    found, _ = attend(inner, query, key, value, seen, rate, inner.scaling)
    return found.reshape(*states.shape[:-1], -1)


def use_first_token(part: PreTrainedModel, problem: ProblemName) -> PreTrainedModel:
    """`part` with a top layer that gives the first token alone, where its head reads no more. Weights are shared."""
    row = BY_MODEL_TYPE.get(backbone(part).config.model_type)
    if not PROBLEMS[problem].reads_first_token or row is None or not row.bert_layers or not len(layers(part)):
        return part
    blocks = nn.ModuleList([*layers(part)[:-1], FirstToken(layers(part)[-1])])
    return with_layers(part, blocks.train(part.training))
