"""Batched training of few-shot episodes, which share all frozen layers.

If episodes train only linear layers (a head, LoRA adapters), their weights are stacked and multiplied in batches. All
other layers process the examples of several episodes as one batch. Episodes with batches of similar length form a run.
Each episode has its own random state for dropout and samples masks of its own batch's shape, so its weights equal
those of separate training up to rounding.
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
from xstilts.models.speed.dropout import ATTENTION, apply_mask, keep_mask
from xstilts.models.split import layers, text_tower
from xstilts.models.tuning import trained_parameters
from xstilts.problems import PROBLEMS, ProblemName
from xstilts.problems.features import IGNORE_INDEX

Weights = Mapping[str, Tensor]
Parameters = Mapping[str, nn.Parameter]

MAX_RUN_TOKENS = 1024
"""Sub-words per run, including padding: enough for matrix products at full throughput."""


@dataclass(slots=True)
class EpisodeLayout:
    """The position of each episode in the joint batch of a run, and the random states of all episodes."""

    generators: list[torch.Generator]
    run: list[int] = field(default_factory=list)
    """The episodes of the current run."""
    shapes: list[tuple[int, int]] = field(default_factory=list)
    """Rows and tokens of each episode's batch in the run."""

    def drop(self, values: Tensor, rate: float) -> Tensor:
        """Dropout of [rows, ...]; tokens are the second of three dimensions, or the last two of four."""
        mask = torch.zeros(values.shape, dtype=torch.int16)
        episode_masks = mask.view(len(self.shapes), -1, *values.shape[1:])
        for padded_mask, (rows, tokens), episode in zip(episode_masks, self.shapes, self.run, strict=True):
            episode_mask = padded_mask[:rows]
            if values.dim() == 3:
                episode_mask = episode_mask[:, :tokens]
            elif values.dim() == 4:
                episode_mask = episode_mask[:, :, :tokens, :tokens]
            episode_mask.copy_(keep_mask(episode_mask.shape, rate, self.generators[episode]))
        return apply_mask(values, mask.to(values.device), rate)


class StackedLinear(nn.Module):
    """One linear layer per episode: inputs [episodes * rows, ..., features_in], outputs [..., features_out]."""

    def __init__(self, name: str, episodes: Sequence[Parameters], layout: EpisodeLayout) -> None:
        super().__init__()
        self.name, self.episodes, self.layout = name, episodes, layout

    def forward(self, values: Tensor) -> Tensor:
        by_episode = values.reshape(len(self.layout.run), -1, values.shape[-1])
        outputs = by_episode @ self._stack("weight").transpose(1, 2)
        if f"{self.name}bias" in self.episodes[0]:
            outputs = outputs + self._stack("bias")[:, None].to(outputs.dtype)
        return outputs.view(*values.shape[:-1], -1)

    def _stack(self, kind: str) -> Tensor:
        return torch.stack([self.episodes[episode][self.name + kind] for episode in self.layout.run])


class StackedLora(nn.Module):
    """A frozen linear layer with one LoRA adapter per episode (Hu et al. 2022, arXiv 2106.09685, section 4.1)."""

    def __init__(self, base: nn.Module, down: StackedLinear, up: StackedLinear, scaling: float) -> None:
        super().__init__()
        self.base, self.down, self.up, self.scaling = base, down, up, scaling

    def forward(self, values: Tensor) -> Tensor:
        return self.base(values) + self.up(self.down(values)) * self.scaling


class _Dropout(nn.Module):
    def __init__(self, rate: float, layout: EpisodeLayout) -> None:
        super().__init__()
        self.p, self.layout = rate, layout

    def forward(self, values: Tensor) -> Tensor:
        return self.layout.drop(values, self.p) if self.p else values


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeBatch:
    """A batched copy of a model, and the trained parameters of each episode by their name in the original model."""

    model: PreTrainedModel
    parameters: Sequence[Parameters]
    layout: EpisodeLayout

    def losses(self, batches: Sequence[Batch]) -> Iterator[tuple[list[int], Tensor]]:
        """Yield runs of episodes and the mean loss of each episode's batch."""
        for run in _runs(batches):
            yield run, self._losses(run, [batches[episode] for episode in run])

    def weights(self, episode: int) -> dict[str, Tensor]:
        """A copy of the trained weights of one episode, by their name in the original model."""
        return {name: parameter.detach().clone() for name, parameter in self.parameters[episode].items()}

    def _losses(self, run: list[int], batches: Sequence[Batch]) -> Tensor:
        self.layout.run, self.layout.shapes = run, [_shape(batch) for batch in batches]
        joint = _join(batches)
        labels = joint.pop("labels").view(len(run), -1)
        logits = self.model(**joint).logits.float()
        logits = logits.reshape(*labels.shape, logits.shape[-1]).transpose(1, 2)
        sums = nn.functional.cross_entropy(logits, labels, reduction="none", ignore_index=IGNORE_INDEX).sum(1)
        return sums / (labels != IGNORE_INDEX).sum(1)


def can_batch_episodes(model: PreTrainedModel, problem: ProblemName) -> bool:
    """Whether episodes that train this model, with its present trained parameters, can be batched."""
    if attention_implementation(text_tower(model)) != ATTENTION:
        return False
    if not PROBLEMS[problem].has_classes:
        return False  # `_losses` expects a mean cross-entropy and one sequence per example
    if any(getattr(layer, "gradient_checkpointing", False) for layer in layers(model)):
        return False  # a recomputed layer would sample a different dropout mask
    linear_ids = {
        id(parameter)
        for module in model.modules()
        if type(module) is nn.Linear
        for parameter in module.parameters(recurse=False)
    }
    return all(id(parameter) in linear_ids for parameter in trained_parameters(model).values())


def batch_episodes(model: PreTrainedModel, initial: Sequence[Weights], seeds: Sequence[int]) -> EpisodeBatch:
    """A batch of episodes with these initial weights and seeds. If they have adapters, so must `model`."""
    parameters = [{name: nn.Parameter(tensor.clone()) for name, tensor in weights.items()} for weights in initial]
    layout = EpisodeLayout([torch.Generator().manual_seed(seed) for seed in seeds])
    batched = _batched_copy(model, "", parameters, layout)
    return EpisodeBatch(model=cast(PreTrainedModel, batched).train(), parameters=parameters, layout=layout)


def _batched_copy(module: nn.Module, name: str, parameters: Sequence[Parameters], layout: EpisodeLayout) -> nn.Module:
    """A copy of the module that shares frozen submodules; `name` is its prefix in parameter names."""
    if isinstance(module, LoraLayer):
        lora = cast(Any, module)
        (adapter,) = lora.active_adapters
        down, up = (StackedLinear(f"{name}lora_{side}.{adapter}.", parameters, layout) for side in "AB")
        return StackedLora(lora.get_base_layer(), down, up, lora.scaling[adapter])
    if isinstance(module, nn.Dropout):
        return _Dropout(module.p, layout)
    if isinstance(module, nn.Linear) and f"{name}weight" in parameters[0]:
        return StackedLinear(name, parameters, layout)
    copies = {
        key: None if child is None else _batched_copy(child, f"{name}{key}.", parameters, layout)
        for key, child in children(module).items()
    }
    batched = with_children(module, copies)
    vars(batched)["layout"] = layout
    return batched


def _runs(batches: Sequence[Batch]) -> Iterator[list[int]]:
    """Group episodes by length into runs of at most MAX_RUN_TOKENS sub-words, or of one episode."""
    run: list[int] = []
    for episode in sorted(range(len(batches)), key=lambda episode: (_shape(batches[episode])[1], episode)):
        rows = max(_shape(batches[other])[0] for other in (*run, episode))
        if run and (len(run) + 1) * rows * _shape(batches[episode])[1] > MAX_RUN_TOKENS:
            yield run
            run = []
        run.append(episode)
    yield run


def _shape(batch: Batch) -> tuple[int, int]:
    rows, tokens = batch["attention_mask"].shape
    return rows, tokens


def _join(batches: Sequence[Batch]) -> Batch:
    """Concatenate batches [rows, ...], each padded to the largest; padding has the label IGNORE_INDEX."""
    joint: Batch = {}
    for name, first in batches[0].items():
        tensors = [batch[name] for batch in batches]
        shape = [max(sizes) for sizes in zip(*(tensor.shape for tensor in tensors), strict=True)]
        padded = first.new_full((len(tensors), *shape), IGNORE_INDEX if name == "labels" else 0)
        for row, tensor in zip(padded, tensors, strict=True):
            row[tuple(slice(size) for size in tensor.shape)] = tensor
        joint[name] = padded.flatten(0, 1)
    joint["attention_mask"][..., 0] = 1
    return joint
