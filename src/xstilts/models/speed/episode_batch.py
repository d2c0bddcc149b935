"""Few-shot episodes side by side: one model over a shared trunk, in which each episode has its own small weights.

Where an episode trains nothing but linear layers (a head, low-rank adapters), those of several are stacked and
multiplied in batches, while all other layers see the examples of these episodes as one batch. A step's batches go
through the model in runs of about the same length. Dropout follows a random state of each episode's own, over the
shape that the episode has alone; so its weights equal those of training alone, to rounding.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.models.collate import Batch
from xstilts.models.compat import attention_implementation, children, with_children
from xstilts.models.speed.dropout import ATTENTION, apply_mask, kept
from xstilts.models.split import layers, text_tower
from xstilts.models.tuning import trained_parameters
from xstilts.problems import PROBLEMS, ProblemName
from xstilts.problems.features import IGNORE_INDEX

Weights = Mapping[str, Tensor]
Parameters = Mapping[str, nn.Parameter]

RUN = 1024
"""Sub-words that go through the model at once, padding included: enough for matrix products at their full rate."""


@dataclass(slots=True)
class Positions:
    """Where each episode's examples stand in the joint batch of a run, and the random states of all episodes."""

    generators: list[torch.Generator]
    run: list[int] = field(default_factory=list)
    """The episodes that go through the model now."""
    shapes: list[tuple[int, int]] = field(default_factory=list)
    """Rows and tokens of each one's own batch."""

    def drop(self, values: Tensor, rate: float) -> Tensor:
        """Dropout of [rows, ...] where tokens are in the second of three dimensions, or the last two of four."""
        mask = torch.zeros(values.shape, dtype=torch.int16)
        parts = mask.view(len(self.shapes), -1, *values.shape[1:])
        for part, (rows, tokens), episode in zip(parts, self.shapes, self.run, strict=True):
            own = part[:rows]
            if values.dim() == 3:
                own = own[:, :tokens]
            elif values.dim() == 4:
                own = own[:, :, :tokens, :tokens]
            own.copy_(kept(own.shape, rate, self.generators[episode]))
        return apply_mask(values, mask.to(values.device), rate)


class Stacked(nn.Module):
    """A linear layer of which each episode has its own: [episodes * rows, ..., inputs] to [..., outputs]."""

    def __init__(self, name: str, weights: Sequence[Parameters], positions: Positions) -> None:
        super().__init__()
        self.name, self.episodes, self.positions = name, weights, positions

    def forward(self, values: Tensor) -> Tensor:
        joint = values.reshape(len(self.positions.run), -1, values.shape[-1])
        found = joint @ self._own("weight").transpose(1, 2)
        if f"{self.name}bias" in self.episodes[0]:
            found = found + self._own("bias")[:, None].to(found.dtype)
        return found.view(*values.shape[:-1], -1)

    def _own(self, kind: str) -> Tensor:
        return torch.stack([self.episodes[episode][self.name + kind] for episode in self.positions.run])


class StackedLora(nn.Module):
    """A frozen linear layer with low-rank adapters (Hu et al. 2022, arXiv 2106.09685, 4.1), one for each episode."""

    def __init__(self, base: nn.Module, down: Stacked, up: Stacked, scaling: float) -> None:
        super().__init__()
        self.base, self.down, self.up, self.scaling = base, down, up, scaling

    def forward(self, values: Tensor) -> Tensor:
        return self.base(values) + self.up(self.down(values)) * self.scaling


class _Dropout(nn.Module):
    def __init__(self, rate: float, positions: Positions) -> None:
        super().__init__()
        self.p, self.positions = rate, positions

    def forward(self, values: Tensor) -> Tensor:
        return self.positions.drop(values, self.p) if self.p else values


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeBatch:
    """`model` is a twin of the part that trains; `parameters` are each episode's, by their name in that part."""

    model: PreTrainedModel
    parameters: Sequence[Parameters]
    positions: Positions

    def losses(self, batches: Sequence[Batch]) -> Iterator[tuple[list[int], Tensor]]:
        """Runs of episodes, and the mean loss of each one's own batch."""
        for run in _runs(batches):
            yield run, self._losses(run, [batches[episode] for episode in run])

    def weights(self, episode: int) -> dict[str, Tensor]:
        """The trained weights of one episode, by their name in the part."""
        return {name: parameter.detach().clone() for name, parameter in self.parameters[episode].items()}

    def _losses(self, run: list[int], batches: Sequence[Batch]) -> Tensor:
        self.positions.run, self.positions.shapes = run, [_shape(batch) for batch in batches]
        joint = _join(batches)
        labels = joint.pop("labels").view(len(run), -1)
        logits = self.model(**joint).logits.float()
        logits = logits.reshape(*labels.shape, logits.shape[-1]).transpose(1, 2)
        sums = nn.functional.cross_entropy(logits, labels, reduction="none", ignore_index=IGNORE_INDEX).sum(1)
        return sums / (labels != IGNORE_INDEX).sum(1)


def can_batch_episodes(part: PreTrainedModel, problem: ProblemName) -> bool:
    """Whether episodes that train this part, as it is now, may be trained side by side."""
    linear = {
        id(parameter)
        for module in part.modules()
        if type(module) is nn.Linear
        for parameter in module.parameters(recurse=False)
    }
    quick = attention_implementation(text_tower(part)) == ATTENTION
    # the joint loss is a mean cross-entropy over rows of logits, of one sequence for each example
    if (
        not quick
        or not PROBLEMS[problem].classes
        or any(getattr(b, "gradient_checkpointing", False) for b in layers(part))
    ):
        return False  # a layer that runs again would draw another dropout
    return all(id(parameter) in linear for parameter in trained_parameters(part).values())


def batch_episodes(part: PreTrainedModel, initial: Sequence[Weights], seeds: Sequence[int]) -> EpisodeBatch:
    """A lineup of episodes that begin with these weights. `part` has the adapters of one of them, if any have some."""
    parameters = [{name: nn.Parameter(tensor.clone()) for name, tensor in weights.items()} for weights in initial]
    positions = Positions([torch.Generator().manual_seed(seed) for seed in seeds])
    twin = _twin(part, "", parameters, positions)
    return EpisodeBatch(model=cast(PreTrainedModel, twin).train(), parameters=parameters, positions=positions)


def _twin(module: nn.Module, name: str, parameters: Sequence[Parameters], positions: Positions) -> nn.Module:
    """A copy of the module that shares what is frozen."""
    if isinstance(module, LoraLayer):
        return _adapted(module, name, parameters, positions)
    if isinstance(module, nn.Dropout):
        return _Dropout(module.p, positions)
    if isinstance(module, nn.Linear) and f"{name}weight" in parameters[0]:
        return Stacked(name, parameters, positions)
    copies = {
        key: None if child is None else _twin(child, f"{name}{key}.", parameters, positions)
        for key, child in children(module).items()
    }
    twin = with_children(module, copies)
    vars(twin)["positions"] = positions
    return twin


def _adapted(module: Any, name: str, parameters: Sequence[Parameters], positions: Positions) -> StackedLora:
    (adapter,) = module.active_adapters
    down, up = (Stacked(f"{name}lora_{side}.{adapter}.", parameters, positions) for side in "AB")
    return StackedLora(module.get_base_layer(), down, up, module.scaling[adapter])


def _runs(batches: Sequence[Batch]) -> Iterator[list[int]]:
    """Episodes whose batches are about as long, as many as have the sub-words of a run, or one."""
    run: list[int] = []
    for episode in sorted(range(len(batches)), key=lambda episode: (_shape(batches[episode])[1], episode)):
        rows = max(_shape(batches[other])[0] for other in (*run, episode))
        if run and (len(run) + 1) * rows * _shape(batches[episode])[1] > RUN:
            yield run
            run = []
        run.append(episode)
    yield run


def _shape(batch: Batch) -> tuple[int, int]:
    rows, tokens = batch["attention_mask"].shape
    return rows, tokens


def _join(batches: Sequence[Batch]) -> Batch:
    """Batches [rows, ...] under each other, each filled up to the largest; what is filled up has no label."""
    joint: Batch = {}
    for name, first in batches[0].items():
        parts = [batch[name] for batch in batches]
        shape = [max(sizes) for sizes in zip(*(part.shape for part in parts), strict=True)]
        filled = first.new_full((len(parts), *shape), IGNORE_INDEX if name == "labels" else 0)
        for own, part in zip(filled, parts, strict=True):
            own[tuple(slice(size) for size in part.shape)] = part
        joint[name] = filled.flatten(0, 1)
    joint["attention_mask"][..., 0] = 1
    return joint
