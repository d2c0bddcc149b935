"""Heads for encoders without a suitable head in transformers, with the same interface, outputs and losses."""

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
from xstilts.models.has_encoder import HasEncoder
from xstilts.models.pooling import pool
from xstilts.problems import PROBLEMS, ProblemName
from xstilts.problems.base import Head


class GenericHeadModel(HasEncoder):
    """An encoder with a head; `pooling` gives the text vector for sequence and choice heads.

    It has the interface of transformers' models, but transformers cannot load it.
    """

    def __init__(
        self, encoder: PreTrainedModel, kind: Head, outputs: int, pooling: Pooling, *, dense: bool = True
    ) -> None:
        """With `dense`, a layer with tanh precedes the classifier of sequence and choice heads, as in BERT."""
        super().__init__()
        self.encoder = encoder
        self.kind: Head = kind
        self.pooling: Pooling = pooling
        hidden = encoder.config.hidden_size
        self.dropout = nn.Dropout(_dropout(encoder.config))
        self.dense = nn.Linear(hidden, hidden) if dense and kind in ("sequence", "choice") else None
        self.classifier = nn.Linear(hidden, outputs)

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
        """`inputs` are `input_ids` [batch, tokens] or `inputs_embeds` [batch, tokens, hidden], and optionally
        `token_type_ids`; for multiple choice, [batch, choices, ...]."""
        if self.kind == "choice":
            inputs = {name: tensor.flatten(0, 1) for name, tensor in inputs.items()}
        mask = attention_mask.reshape(-1, attention_mask.shape[-1])
        states = self.encoder(attention_mask=mask, **inputs).last_hidden_state
        if self.kind == "token":
            return _classification_output(TokenClassifierOutput, self._classify(states), labels)
        if self.kind == "span":
            return _span_output(self._span_logits(states, mask), start_positions, end_positions)
        vectors = pool(states, mask, self.pooling)
        if self.dense is not None:
            vectors = torch.tanh(self.dense(self.dropout(vectors)))
        logits = self._classify(vectors)
        if self.kind == "choice":
            return _classification_output(MultipleChoiceModelOutput, logits.view(len(attention_mask), -1), labels)
        if labels is not None and self.config.problem_type == "multi_label_classification":
            loss: Any = functional.binary_cross_entropy_with_logits(logits.float(), labels.float())
            return SequenceClassifierOutput(loss=loss, logits=logits)  # type: ignore[arg-type]
        return _classification_output(SequenceClassifierOutput, logits, labels)

    def _classify(self, vectors: Tensor) -> Tensor:
        """Logits in float32: those of a closed-form head are so large that bf16 would make ties."""
        with torch.autocast(vectors.device.type, enabled=False):
            return self.classifier(self.dropout(vectors.float()))

    def _span_logits(self, states: Tensor, mask: Tensor) -> Tensor:
        """[batch, tokens, 2]. The first position means "no answer". In a causal encoder, the first token does not see
        the text, so the logits of the last token replace its logits."""
        logits = self.classifier(self.dropout(states))
        if self.pooling != "last":
            return logits
        return torch.cat([pool(logits, mask, "last")[:, None], logits[:, 1:]], dim=1)


def linear_model(
    encoder: PreTrainedModel, problem: ProblemName, pooling: Pooling, weight: Tensor, bias: Tensor
) -> GenericHeadModel:
    """An encoder in evaluation mode with a linear head of these weights: [classes, hidden] and [classes]."""
    kind = PROBLEMS[problem].head
    assert kind is not None
    model = GenericHeadModel(encoder, kind, len(bias), pooling, dense=False)
    model.classifier.weight, model.classifier.bias = nn.Parameter(weight), nn.Parameter(bias)
    return model.eval()


def num_outputs(kind: Head, labels: tuple[str, ...] | None) -> int:
    """The number of logits per text, token or choice: labels, 2 for start and end of a span, or 1 for a choice."""
    return 1 if kind == "choice" else 2 if kind == "span" else len(labels or ())


def _classification_output(output_class: Any, logits: Tensor, labels: Tensor | None) -> ModelOutput:
    """The loss is the mean cross-entropy over the positions whose label is not -100."""
    if labels is None:
        return output_class(logits=logits)
    return output_class(loss=functional.cross_entropy(logits.flatten(0, -2), labels.flatten()), logits=logits)


def _span_output(logits: Tensor, starts: Tensor | None, ends: Tensor | None) -> QuestionAnsweringModelOutput:
    start_logits, end_logits = (boundary.contiguous() for boundary in logits.unbind(-1))
    loss: Any = None
    if starts is not None and ends is not None:
        length = start_logits.shape[1]
        losses = [
            functional.cross_entropy(boundary_logits, positions.clamp(0, length), ignore_index=length)
            for boundary_logits, positions in ((start_logits, starts), (end_logits, ends))
        ]
        loss = sum(losses) / 2
    return QuestionAnsweringModelOutput(loss=loss, start_logits=start_logits, end_logits=end_logits)  # type: ignore[arg-type]


def _dropout(config: PreTrainedConfig) -> float:
    """The dropout rate of transformers' heads for this architecture, or 0.1 if the configuration has none."""
    rates = (getattr(config, name, None) for name in ("classifier_dropout", "hidden_dropout_prob"))
    return next((rate for rate in rates if rate is not None), 0.1)
