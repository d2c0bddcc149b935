"""A head of ours for encoders for which transformers has none: interface, outputs and losses are those of its heads."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import (
    MultipleChoiceModelOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from transformers.utils.generic import ModelOutput

from xstilts.models.compat import initialise
from xstilts.models.families import Pooling
from xstilts.models.pooling import pool
from xstilts.problems.base import Head


class GenericHeadModel(nn.Module):
    """An encoder under a head: `pooling` says which state a vector of the text is, where the head needs one.

    It is used as transformers' own models are, but no class of transformers loads it.
    """

    base_model_prefix = "encoder"
    """The attribute that holds the encoder, as transformers and peft call it."""

    def __init__(self, encoder: PreTrainedModel, kind: Head, outputs: int, pooling: Pooling) -> None:
        super().__init__()
        self.encoder = encoder
        self.kind: Head = kind
        self.pooling: Pooling = pooling
        hidden = encoder.config.hidden_size
        self.dropout = nn.Dropout(_dropout(encoder.config))
        self.dense = nn.Linear(hidden, hidden) if kind in ("sequence", "choice") else None
        self.classifier = nn.Linear(hidden, outputs)

    @property
    def base_model(self) -> PreTrainedModel:
        return self.encoder

    @property
    def config(self) -> PreTrainedConfig:
        return self.encoder.config

    def _init_weights(self, module: nn.Module) -> None:
        initialise(self.encoder, module)

    def forward(
        self,
        *,
        attention_mask: Tensor,
        labels: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        **inputs: Tensor,
    ) -> ModelOutput:
        """`inputs` are `input_ids` [batch, tokens] or `inputs_embeds` [batch, tokens, hidden], perhaps
        `token_type_ids`; for multiple choice each has a dimension of choices after the batch's."""
        if self.kind == "choice":
            inputs = {name: tensor.flatten(0, 1) for name, tensor in inputs.items()}
        mask = attention_mask.reshape(-1, attention_mask.shape[-1])
        states = self.encoder(attention_mask=mask, **inputs).last_hidden_state
        if self.kind == "token":
            return _classified(TokenClassifierOutput, self.classifier(self.dropout(states)), labels)
        if self.kind == "span":
            return _spans(self._span_logits(states, mask), start_positions, end_positions)
        assert self.dense is not None
        vectors = torch.tanh(self.dense(self.dropout(pool(states, mask, self.pooling))))
        logits = self.classifier(self.dropout(vectors))
        if self.kind == "choice":
            return _classified(MultipleChoiceModelOutput, logits.view(len(attention_mask), -1), labels)
        if labels is not None and self.config.problem_type == "multi_label_classification":
            loss: Any = functional.binary_cross_entropy_with_logits(logits.float(), labels.float())
            return SequenceClassifierOutput(loss=loss, logits=logits)  # type: ignore[arg-type]
        return _classified(SequenceClassifierOutput, logits, labels)

    def _span_logits(self, states: Tensor, mask: Tensor) -> Tensor:
        """[batch, tokens, 2]. The first position stands for "no answer"; in a causal encoder, whose first token sees
        nothing of the text, its logits are those of the last token."""
        logits = self.classifier(self.dropout(states))
        if self.pooling != "last":
            return logits
        return torch.cat([pool(logits, mask, "last")[:, None], logits[:, 1:]], dim=1)


def outputs_of(kind: Head, labels: tuple[str, ...] | None) -> int:
    """Logits per text, token or choice: one for each label, start and end of a span, or the score of a choice."""
    return 1 if kind == "choice" else 2 if kind == "span" else len(labels or ())


def _classified(output: Any, logits: Tensor, labels: Tensor | None) -> ModelOutput:
    """Mean cross-entropy over the last dimension of the logits, without the positions that are labelled -100."""
    if labels is None:
        return output(logits=logits)
    return output(loss=functional.cross_entropy(logits.flatten(0, -2), labels.flatten()), logits=logits)


def _spans(logits: Tensor, starts: Tensor | None, ends: Tensor | None) -> QuestionAnsweringModelOutput:
    start_logits, end_logits = (side.contiguous() for side in logits.unbind(-1))
    loss: Any = None
    if starts is not None and ends is not None:
        length = start_logits.shape[1]
        sides = ((start_logits, starts), (end_logits, ends))
        losses = [functional.cross_entropy(s, at.clamp(0, length), ignore_index=length) for s, at in sides]
        loss = sum(losses) / 2
    return QuestionAnsweringModelOutput(loss=loss, start_logits=start_logits, end_logits=end_logits)  # type: ignore[arg-type]


def _dropout(config: PreTrainedConfig) -> float:
    """The rate that transformers' heads for this architecture would have, 0.1 where it names none."""
    rates = (getattr(config, name, None) for name in ("classifier_dropout", "hidden_dropout_prob"))
    return next((rate for rate in rates if rate is not None), 0.1)
