"""A frozen encoder with a classifier on its hidden states."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils.generic import ModelOutput

from xstilts.data.batches import scoring_batches
from xstilts.methods.method import StatesClassifier
from xstilts.models.families import Pooling
from xstilts.models.has_encoder import HasEncoder
from xstilts.models.inputs import ModelInputs, autocast
from xstilts.models.linear_layer import image_text_states
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
    """Yield batches of vectors [rows, hidden] and labels on the CPU, from one pass of the encoder of `model`, which is
    not changed.

    Labels are class numbers [rows]; for multi-label problems 1 or 0 [rows, labels]; for multiple choice, whose rows are
    the choices, the number of the question and 1 for the right choice or 0 [rows, 2]. With images, vectors are the
    input of the last layer of the model's head.
    """
    for states, labels, _ in numbered_states(model, inputs, pooling):
        yield states, labels


def numbered_states(
    model: nn.Module, inputs: ModelInputs, pooling: Pooling
) -> Iterator[tuple[Tensor, Tensor, Sequence[int]]]:
    """The batches of `labelled_states`, with the number of each row's feature in `inputs`."""
    problem = PROBLEMS[inputs.problem]
    encoder = image_text_states(model) if problem.has_images else backbone(model).eval()
    questions = 0
    for indices in track_batches("frozen layers", scoring_batches(inputs.lengths), len(inputs.features)):
        batch: dict[str, Any] = inputs.batch(indices, labels=True)
        labels = batch.pop("labels")
        with torch.no_grad(), autocast(inputs.device, inputs.precision):
            if problem.has_images:
                states = encoder(**batch).states.float()
            else:
                states = _states(cast(PreTrainedModel, encoder), inputs.problem, pooling, batch)
        if problem.head == "choice":
            question, choice = batch["attention_mask"].any(-1).nonzero(as_tuple=True)
            is_right = (choice == labels[question]).long()
            targets = torch.stack([questions + question, is_right], 1)
            yield states[question, choice].cpu(), targets.cpu(), [indices[row] for row in question.tolist()]
            questions += len(labels)
        elif problem.loss == "binary cross-entropy":
            yield states.cpu(), labels.cpu(), indices
        else:
            is_labelled = labels != IGNORE_INDEX
            numbers = torch.tensor(indices).reshape(-1, *[1] * (labels.dim() - 1)).expand(labels.shape)
            yield states[is_labelled].cpu(), labels[is_labelled].cpu(), numbers[is_labelled.cpu()].tolist()


def mean_state(model: nn.Module, inputs: ModelInputs, pooling: Pooling) -> Tensor:
    """The mean pooled state of texts, in float64: [hidden]. Labels are not read."""
    encoder, total = cast(PreTrainedModel, backbone(model).eval()), torch.zeros((), dtype=torch.float64)
    for indices in track_batches("frozen layers", scoring_batches(inputs.lengths), len(inputs.features)):
        batch: dict[str, Any] = inputs.batch(indices, labels=False)
        with torch.no_grad(), autocast(inputs.device, inputs.precision):
            total = total + _states(encoder, inputs.problem, pooling, batch).double().sum(0).cpu()
    return total / len(inputs.features)


def _states(encoder: PreTrainedModel, problem: ProblemName, pooling: Pooling, inputs: dict[str, Tensor]) -> Tensor:
    """[batch, hidden], [batch, tokens, hidden] for tagging, or [batch, choices, hidden]; in float32."""
    mask = inputs["attention_mask"]
    if PROBLEMS[problem].head == "choice":
        inputs = {name: tensor.flatten(0, 1) for name, tensor in inputs.items()}
    states = encoder(**inputs).last_hidden_state.float()
    if PROBLEMS[problem].head == "token":
        return states
    pooled = pool(states, inputs["attention_mask"], pooling)
    return pooled.unflatten(0, mask.shape[:-1])
