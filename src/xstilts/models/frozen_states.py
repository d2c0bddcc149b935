"""A frozen encoder with a classifier on its hidden states."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils.generic import ModelOutput

from xstilts.data.batches import scoring_batches
from xstilts.methods.method import StatesClassifier
from xstilts.models.families import Pooling
from xstilts.models.has_encoder import HasEncoder
from xstilts.models.inputs import ModelInputs, autocast
from xstilts.models.pooling import pool
from xstilts.models.split import backbone
from xstilts.platform.progress import track_batches
from xstilts.problems import PROBLEMS, ProblemName
from xstilts.problems.features import IGNORE_INDEX


class FrozenStatesModel(HasEncoder):
    """A frozen encoder with a classifier on the pooled state of a text, or on every sub-word's state for tagging."""

    def __init__(
        self,
        encoder: PreTrainedModel,
        problem: ProblemName,
        pooling: Pooling,
        classifier: StatesClassifier,
        head: Mapping[str, Tensor],
    ) -> None:
        """`head` has the tensors from `classifier.fit`."""
        super().__init__()
        self.encoder = encoder
        self.problem: ProblemName = problem
        self.pooling: Pooling = pooling
        self.classifier = classifier
        self._names = tuple(head)
        for name, tensor in head.items():
            self.register_parameter(name, nn.Parameter(tensor, requires_grad=False))

    def forward(self, **inputs: Tensor) -> ModelOutput:
        states = _states(self.encoder, self.problem, self.pooling, inputs)
        head = {name: self.get_parameter(name) for name in self._names}
        with torch.autocast(states.device.type, enabled=False):
            return ModelOutput(logits=self.classifier.scores(states, head))


def labelled_states(model: nn.Module, inputs: ModelInputs, pooling: Pooling) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of vectors [rows, hidden] and class numbers [rows] on the CPU, from one pass of the encoder of
    `model`, which is not changed."""
    for states, labels, _ in numbered_states(model, inputs, pooling):
        yield states, labels


def numbered_states(
    model: nn.Module, inputs: ModelInputs, pooling: Pooling
) -> Iterator[tuple[Tensor, Tensor, Sequence[int]]]:
    """The batches of `labelled_states`, with the number of each row's feature in `inputs`."""
    encoder = backbone(model).eval()
    for indices in track_batches("frozen layers", scoring_batches(inputs.lengths), len(inputs.features)):
        batch: dict[str, Any] = inputs.batch(indices, labels=True)
        labels = batch.pop("labels")
        with torch.no_grad(), autocast(inputs.device, inputs.precision):
            states = _states(encoder, inputs.problem, pooling, batch)
        is_labelled = labels != IGNORE_INDEX
        numbers = torch.tensor(indices).reshape(-1, *[1] * (labels.dim() - 1)).expand(labels.shape)
        yield states[is_labelled].cpu(), labels[is_labelled].cpu(), numbers[is_labelled.cpu()].tolist()


def _states(encoder: PreTrainedModel, problem: ProblemName, pooling: Pooling, inputs: dict[str, Tensor]) -> Tensor:
    """[batch, hidden], or [batch, tokens, hidden] for tagging; in float32."""
    states = encoder(**inputs).last_hidden_state.float()
    return states if PROBLEMS[problem].head == "token" else pool(states, inputs["attention_mask"], pooling)
