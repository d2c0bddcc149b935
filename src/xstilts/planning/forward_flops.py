"""Floating-point operations of a forward pass over an example, from the lengths of its texts and its images. No torch.

They are those of the text encoder's layers (`EncoderCard.forward_flops`); in a fused encoder the upper layers also
read image tokens. Ignored are heads and projections (small), padding, cached activations, and the vision encoder, which
runs once per image.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xstilts.config.training import Fusion, Train
from xstilts.encoders import EncoderCard
from xstilts.planning.lengths import Lengths, lengths
from xstilts.planning.stage import Modality
from xstilts.tasks.task import Task

SPECIAL_TOKENS = 2
"""Tokens of a text that a control hides."""


class UnknownCostError(Exception):
    """The cost of a stage cannot be estimated. The message names the missing number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlopsPerExample:
    """Mean operations per example if all layers read text only, and if all layers read text and images."""

    text_only: float
    fused: float


@dataclass(slots=True, kw_only=True)
class ForwardFlops:
    """Forward passes of one encoder."""

    card: EncoderCard
    tasks: Mapping[str, Task]
    fusion: Fusion | None
    lengths_used: dict[str, Lengths] = field(default_factory=dict)
    _flops: dict[tuple[str, int, Modality | None], FlopsPerExample] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """Layers of the encoder. Raises UnknownCostError."""
        if self.card.layers is None:
            raise UnknownCostError(f"the number of layers of {self.card.name}")
        return self.card.layers

    def lengths(self, task: str) -> Lengths:
        """Raises UnknownCostError."""
        if task not in self.lengths_used:
            if (task_lengths := lengths(task)) is None:
                raise UnknownCostError(f"the length of the examples of {task}")
            self.lengths_used[task] = task_lengths
        return self.lengths_used[task]

    def per_example(self, task: str, max_length: int, modality: Modality | None = None) -> float:
        """Mean operations per example. Raises UnknownCostError."""
        flops = self._per_example(task, max_length, modality)
        if flops.text_only == flops.fused:
            return flops.text_only
        return self._lower_layers(flops, self.depth)

    def frozen_share(self, task: str, train: Train, modality: Modality | None = None) -> float:
        """Share of the operations that belongs to frozen layers. Raises UnknownCostError."""
        if not train.frozen_layers:
            return 0.0
        frozen, flops = min(train.frozen_layers, self.depth), self._per_example(task, train.max_length, modality)
        if flops.text_only == flops.fused:
            return frozen / self.depth
        return self._lower_layers(flops, frozen) / self._lower_layers(flops, self.depth)

    def _lower_layers(self, flops: FlopsPerExample, count: int) -> float:
        """Operations of the lowest `count` layers."""
        depth = self.depth
        fusion_layer = self.fusion.layer if self.fusion else depth
        first_fused = depth // 2 if fusion_layer is None else min(fusion_layer, depth)
        text_only = min(count, first_fused)
        return (flops.text_only * text_only + flops.fused * (count - text_only)) / depth

    def _per_example(self, task: str, max_length: int, modality: Modality | None) -> FlopsPerExample:
        key = task, max_length, modality
        if key not in self._flops:
            self._flops[key] = self._estimate(task, max_length, modality)
        return self._flops[key]

    def _estimate(self, task: str, max_length: int, modality: Modality | None) -> FlopsPerExample:
        if self.card.forward_flops is None:
            raise UnknownCostError(f"the cost of a forward pass of {self.card.name}")
        linear, quadratic = self.card.forward_flops
        task_lengths, image_tokens = self.lengths(task), self._image_tokens(task, modality)
        text_only = fused = 0.0
        for length, count in task_lengths.runs(max_length):
            text_tokens = SPECIAL_TOKENS if modality == "images" else length
            text_only += count * (linear * text_tokens + quadratic * text_tokens**2)
            # a contrastive head compares texts and images that are encoded separately
            separate = self.tasks[task].spec.is_contrastive
            sequences = [text_tokens, image_tokens] if separate else [text_tokens + image_tokens]
            fused += count * sum(linear * n + quadratic * n**2 for n in sequences)
        examples = len(task_lengths.sample)
        return FlopsPerExample(text_only=text_only / examples, fused=fused / examples)

    def _image_tokens(self, task: str, modality: Modality | None) -> int:
        """Tokens that the images of an example become."""
        if not self.tasks[task].spec.has_images or modality == "text":
            return 0
        if self.fusion is None:
            raise UnknownCostError(f"how {self.card.name} reads images")
        return self.lengths(task).images * self.fusion.grid**2
