"""A text encoder that reads images: their features, projected into its space, join the text at one layer.

The image encoder stays as it was published, so its features are computed once; what trains is the projection, which
belongs to the encoder and is handed on with it, and the layers above.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from xstilts.models.compat import with_child
from xstilts.models.multimodal.heads import IMAGES, ContrastiveHead, check_count, draw_linear
from xstilts.models.pooling import mean_state
from xstilts.models.split import layers, run_between, run_lower, truncate


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInputSpec:
    """What a text encoder needs to know of the images that it is to read."""

    channels: int
    tokens: int
    """Of each image."""
    layer: int
    """The layer, counted from 0, that is the first to read text and images together."""


class ImageSide(nn.Module):
    """Features [batch, images, tokens, channels] with mask [batch, images] to states [batch, images * tokens, hidden].

    An example with fewer images than others has its padding before them.
    """

    def __init__(self, image_input: ImageInputSpec, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(image_input.channels)
        self.project = nn.Linear(image_input.channels, hidden)
        self.position = nn.Parameter(torch.empty(image_input.tokens, hidden))
        self.number = nn.Parameter(torch.empty(IMAGES, hidden))
        self.scale = nn.LayerNorm(hidden)

    def forward(self, images: Tensor, mask: Tensor) -> Tensor:
        numbers = (mask.cumsum(1) - 1).clamp(min=0)
        places = self.number[numbers][:, :, None] + self.position
        return self.scale(self.project(self.norm(images)) + places).flatten(1, 2)

    def join(self, text: PreTrainedModel, layer: int) -> None:
        """Begin with the scale of the states that the images join."""
        below = layers(text)[layer - 1] if layer else text
        norms = [module for module in below.modules() if isinstance(module, nn.LayerNorm) and module.bias is not None]
        if norms and norms[-1].weight.shape == self.scale.weight.shape:
            self.scale.load_state_dict(norms[-1].state_dict())


class FusedModel(nn.Module):
    """A text encoder with an image side under a head: a classifier over text and images, or the contrast of both.

    For the contrast, a text and an image are encoded apart: a vector is the mean of its own states.
    """

    base_model_prefix = "text"
    """Where the encoder is, as transformers names it."""

    def __init__(self, text: PreTrainedModel, image: ImageSide, head: nn.Module, layer: int) -> None:
        super().__init__()
        self.text = text
        self.image = image
        self.head = head
        self.layer = layer
        self.below = 0
        """Layers that were cut off: inputs are their output."""

    @property
    def base_model(self) -> PreTrainedModel:
        return self.text

    @property
    def config(self) -> PreTrainedConfig:
        return self.text.config

    def truncated(self, count: int) -> "FusedModel":
        """The same without embeddings and the first `count` layers, at most as many as read text alone."""
        if not 0 <= count <= self.layer:
            raise ValueError(f"images join at layer {self.layer}, so the model cannot be split after {count}")
        twin = with_child(self, "text", truncate(self.text, count))
        twin.below = self.below + count
        return twin

    def forward(
        self,
        *,
        attention_mask: Tensor,
        input_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        images: Tensor | None = None,
        image_mask: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> ModelOutput:
        """`images` are [batch, images, tokens, channels], `image_mask` is [batch, images]; none: the text alone."""
        states = self._read(input_ids, inputs_embeds, token_type_ids, attention_mask)
        seen, mask = None, None
        if images is not None and image_mask is not None:
            check_count(images.shape[1])
            seen = self.image(images, image_mask).to(states.dtype)
            mask = image_mask.repeat_interleave(images.shape[2], dim=1).to(attention_mask.dtype)
        if isinstance(self.head, ContrastiveHead):
            assert seen is not None and mask is not None
            texts = mean_state(self._above(states, attention_mask), attention_mask)
            return self.head(texts, mean_state(self._above(seen, mask), mask), labels)
        return self._classified(states, attention_mask, seen, mask, image_mask, labels)

    def _classified(
        self,
        states: Tensor,
        attention_mask: Tensor,
        seen: Tensor | None,
        mask: Tensor | None,
        image_mask: Tensor | None,
        labels: Tensor | None,
    ) -> ModelOutput:
        """Read together, then compared: the mean state of the text and that of each image."""
        if seen is None or mask is None or image_mask is None:
            return self.head(mean_state(self._above(states, attention_mask), attention_mask), None, None, labels)
        # images come first: nothing stands between what is read together, so distances do not hang on padding
        joint = self._above(torch.cat([seen, states], 1), torch.cat([mask, attention_mask], 1))
        images, text = joint.split([seen.shape[1], states.shape[1]], 1)
        images = images.unflatten(1, (image_mask.shape[1], -1)).mean(2)
        return self.head(mean_state(text, attention_mask), images, image_mask, labels)

    def _read(self, ids: Tensor | None, given: Tensor | None, types: Tensor | None, attention_mask: Tensor) -> Tensor:
        """States of the text where images join it."""
        if given is None:
            return run_lower(self.text, self.layer, cast(Tensor, ids), attention_mask, types)
        rest = self.layer - self.below
        return run_between(self.text, rest, given, attention_mask) if rest else given

    def _above(self, states: Tensor, mask: Tensor) -> Tensor:
        """States of the last layer, from those where images join."""
        return truncate(self.text, self.layer - self.below)(inputs_embeds=states, attention_mask=mask).last_hidden_state


def draw(model: FusedModel, seed: int) -> None:
    """Draw image side and head: normal with the encoder's own deviation, biases zero."""
    deviation = getattr(model.config, "initializer_range", 0.02)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for side in (model.image, model.head):
            draw_linear(side, deviation)
        for parameter in (model.image.position, model.image.number):
            parameter.normal_(std=deviation)
    model.image.join(model.text, model.layer)
