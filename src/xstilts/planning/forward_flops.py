"""Floating-point operations of a forward pass over an example, from the lengths of its texts and its images. No torch.

They are those of the text encoder's layers (`EncoderCard.forward_flops`), the upper of which read the tokens of images
as well, where the encoder is fused. Heads and projections, which are small, padding, and what the reuse of activations
saves are left out; so is the vision encoder, which sees every image once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xstilts.config.training import Fusion, Train
from xstilts.encoders import EncoderCard
from xstilts.planning.lengths import Lengths, lengths
from xstilts.planning.specs import Modality
from xstilts.tasks.task import Task

SPECIAL_TOKENS = 2
"""Sub-words of a text that a control hides: the special ones."""


class UnknownCostError(Exception):
    """The work of a stage cannot be told; the message says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlopsPerExample:
    """Operations if all layers read an example's text alone, and if all read it with its images."""

    text_only: float
    fused: float


@dataclass(slots=True, kw_only=True)
class ForwardFlops:
    """Forward passes of one encoder."""

    card: EncoderCard
    tasks: Mapping[str, Task]
    fusion: Fusion | None
    lengths_used: dict[str, Lengths] = field(default_factory=dict)
    _passes: dict[tuple[str, int, Modality | None], FlopsPerExample] = field(default_factory=dict)

    def lengths(self, task: str) -> Lengths:
        """Raises UnknownCostError."""
        if task not in self.lengths_used:
            if (found := lengths(task)) is None:
                raise UnknownCostError(f"how long the examples of {task} are")
            self.lengths_used[task] = found
        return self.lengths_used[task]

    def per_example(self, task: str, max_length: int, modality: Modality | None = None) -> float:
        """Operations over an example, on average. Raises UnknownCostError."""
        found = self._pass(task, max_length, modality)
        if found.text_only == found.fused:
            return found.text_only
        return self._between(found, 0, self.depth)

    def frozen_share(self, task: str, train: Train, modality: Modality | None = None) -> float:
        """Part of these operations that is of layers which keep their weights. Raises UnknownCostError."""
        if not train.frozen_layers:
            return 0.0
        depth = self.depth
        count, found = min(train.frozen_layers, depth), self._pass(task, train.max_length, modality)
        if found.text_only == found.fused:
            return count / depth
        return self._between(found, 0, count) / self._between(found, 0, depth)

    def _between(self, found: FlopsPerExample, start: int, end: int) -> float:
        """Operations of the layers from `start` to `end`, this one excluded."""
        depth, joins = self.depth, self._joins()
        alone = max(0, min(end, joins) - start)
        return (found.text_only * alone + found.fused * (end - start - alone)) / depth

    def _pass(self, task: str, max_length: int, modality: Modality | None) -> FlopsPerExample:
        key = task, max_length, modality
        if key not in self._passes:
            self._passes[key] = self._reckoned(task, max_length, modality)
        return self._passes[key]

    def _reckoned(self, task: str, max_length: int, modality: Modality | None) -> FlopsPerExample:
        if self.card.forward_flops is None:
            raise UnknownCostError(f"what a forward pass of {self.card.name} takes")
        first, second = self.card.forward_flops
        found, tokens = self.lengths(task), self._tokens(task, modality)
        apart = self.tasks[task].spec.contrastive
        alone = joined = 0.0
        for length, count in found.runs(max_length):
            words = SPECIAL_TOKENS if modality == "images" else length
            alone += count * (first * words + second * words**2)
            both = [words, tokens] if apart else [words + tokens]
            joined += count * sum(first * n + second * n**2 for n in both)
        return FlopsPerExample(text_only=alone / len(found.sample), fused=joined / len(found.sample))

    def _tokens(self, task: str, modality: Modality | None) -> int:
        """What the images of an example become."""
        if not self.tasks[task].spec.images or modality == "text":
            return 0
        if self.fusion is None:
            raise UnknownCostError(f"how {self.card.name} reads images")
        return self.lengths(task).images * self.fusion.grid**2

    def _joins(self) -> int:
        """The first layer that reads images."""
        depth = self.depth
        chosen = self.fusion.layer if self.fusion else depth
        return depth // 2 if chosen is None else min(chosen, depth)

    @property
    def depth(self) -> int:
        """Layers of the encoder. Raises UnknownCostError."""
        if self.card.layers is None:
            raise UnknownCostError(f"how many layers {self.card.name} has")
        return self.card.layers
