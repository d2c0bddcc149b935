"""Few-shot episodes side by side: one model over a shared trunk, in which each episode has its own small weights.

Where an episode trains nothing but linear layers (a head, low-rank adapters), those of several are stacked and
multiplied in batches, while all other layers see the examples of all episodes as one batch. Dropout follows a random
state of each episode's own, over the shape that the episode has alone; so its weights equal those of training alone,
to rounding.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.data.features import IGNORED
from xstilts.models.collate import Batch
from xstilts.models.dropout import ATTENTION, kept
from xstilts.models.split import text_tower
from xstilts.models.tuning import trained
from xstilts.problems import ProblemName

Weights = Mapping[str, Tensor]

PROBLEMS: frozenset[ProblemName] = frozenset({"classification", "tagging"})
"""Problems with one sequence for each example and a mean cross-entropy over rows of logits."""


@dataclass(slots=True)
class Positions:
    """Where each episode's examples stand in the joint batch, and its random state."""

    generators: list[torch.Generator]
    shapes: list[tuple[int, int]] = field(default_factory=list)
    """Rows and tokens of each episode's own batch."""

    def drop(self, values: Tensor, rate: float) -> Tensor:
        """Dropout of [rows, ...] where tokens are in the second of three dimensions, or the last two of four."""
        mask = torch.ones(values.shape, dtype=torch.bool)
        parts = mask.view(len(self.shapes), -1, *values.shape[1:])
        for part, (rows, tokens), generator in zip(parts, self.shapes, self.generators, strict=True):
            own = part[:rows]
            if values.dim() == 3:
                own = own[:, :tokens]
            elif values.dim() == 4:
                own = own[:, :, :tokens, :tokens]
            own.copy_(kept(own.shape, rate, generator))
        return (values * mask.to(values.device)).mul(1 / (1 - rate))


class Stacked(nn.Module):
    """A linear layer of which each episode has its own: [episodes * rows, ..., inputs] to [..., outputs]."""

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias

    def forward(self, values: Tensor) -> Tensor:
        joint = values.reshape(len(self.weight), -1, values.shape[-1])
        found = joint @ self.weight.transpose(1, 2)
        if self.bias is not None:
            found = found + self.bias[:, None].to(found.dtype)
        return found.view(*values.shape[:-1], -1)


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
class Lineup:
    """`model` is a twin of the part that trains, `parameters` its stacked weights by their name in that part."""

    model: PreTrainedModel
    parameters: dict[str, nn.Parameter]
    positions: Positions

    @property
    def episodes(self) -> int:
        return len(self.positions.generators)

    def losses(self, batches: Sequence[Batch]) -> Tensor:
        """The mean loss of each episode's own batch, [episodes]."""
        self.positions.shapes = [_shape(batch) for batch in batches]
        joint = _join(batches)
        labels = joint.pop("labels").view(self.episodes, -1)
        logits = self.model(**joint).logits.float()
        logits = logits.reshape(*labels.shape, logits.shape[-1]).transpose(1, 2)
        sums = nn.functional.cross_entropy(logits, labels, reduction="none", ignore_index=IGNORED).sum(1)
        return sums / (labels != IGNORED).sum(1)

    def weights(self, episode: int) -> dict[str, Tensor]:
        """The trained weights of one episode, by their name in the part."""
        return {name: parameter.detach()[episode].clone() for name, parameter in self.parameters.items()}


def can_line_up(part: PreTrainedModel, problem: ProblemName) -> bool:
    """Whether episodes that train this part, as it is now, may be trained side by side."""
    linear = {
        id(parameter)
        for module in part.modules()
        if type(module) is nn.Linear
        for parameter in module.parameters(recurse=False)
    }
    quick = text_tower(part).config._attn_implementation == ATTENTION
    return quick and problem in PROBLEMS and all(id(parameter) in linear for parameter in trained(part).values())


def line_up(part: PreTrainedModel, initial: Sequence[Weights], seeds: Sequence[int]) -> Lineup:
    """A lineup of episodes that begin with these weights. `part` has the adapters of one of them, if any have some."""
    parameters = {name: nn.Parameter(torch.stack([weights[name] for weights in initial])) for name in initial[0]}
    positions = Positions([torch.Generator().manual_seed(seed) for seed in seeds])
    twin = _twin(part, "", parameters, positions)
    return Lineup(model=cast(PreTrainedModel, twin).train(), parameters=parameters, positions=positions)


def _twin(module: nn.Module, name: str, parameters: Mapping[str, nn.Parameter], positions: Positions) -> nn.Module:
    """A copy of the module that shares what is frozen."""
    if isinstance(module, LoraLayer):
        return _adapted(module, name, parameters)
    if isinstance(module, nn.Dropout):
        return _Dropout(module.p, positions)
    if isinstance(module, nn.Linear) and f"{name}weight" in parameters:
        return Stacked(parameters[f"{name}weight"], parameters.get(f"{name}bias"))
    twin = copy.copy(module)
    children = module._modules.items()
    twin._modules = {
        key: None if child is None else _twin(child, f"{name}{key}.", parameters, positions) for key, child in children
    }
    vars(twin)["positions"] = positions
    return twin


def _adapted(module: Any, name: str, parameters: Mapping[str, nn.Parameter]) -> StackedLora:
    (adapter,) = module.active_adapters
    down, up = (Stacked(parameters[f"{name}lora_{side}.{adapter}.weight"], None) for side in "AB")
    return StackedLora(module.get_base_layer(), down, up, module.scaling[adapter])


def _shape(batch: Batch) -> tuple[int, int]:
    rows, tokens = batch["attention_mask"].shape
    return rows, tokens


def _join(batches: Sequence[Batch]) -> Batch:
    """Batches [rows, ...] under each other, each filled up to the largest; what is filled up has no label."""
    joint: Batch = {}
    for name, first in batches[0].items():
        parts = [batch[name] for batch in batches]
        shape = [max(sizes) for sizes in zip(*(part.shape for part in parts), strict=True)]
        filled = first.new_full((len(parts), *shape), IGNORED if name == "labels" else 0)
        for own, part in zip(filled, parts, strict=True):
            own[tuple(slice(size) for size in part.shape)] = part
        joint[name] = filled.flatten(0, 1)
    joint["attention_mask"][..., 0] = 1
    return joint
