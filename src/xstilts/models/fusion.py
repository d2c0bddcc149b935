"""A text encoder that reads images: their features, projected into its space, join the text at one layer.

The image encoder stays as it was published, so its features are computed once; what trains is the projection, which
belongs to the encoder and is handed on with it, and the layers above.
"""

import copy
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from xstilts.models.split import layers, run_between, run_lower, truncate

IMAGES = 4
"""Images that an example can show at most."""
SCALE = 20.0
"""What cosines are multiplied by before the softmax of a contrastive loss, at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
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

    def __init__(self, sight: Sight, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(sight.channels)
        self.project = nn.Linear(sight.channels, hidden)
        self.position = nn.Parameter(torch.empty(sight.tokens, hidden))
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


class Classifier(nn.Module):
    """Mean of all states to logits, through one hidden layer."""

    def __init__(self, hidden: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, labels)

    def forward(self, states: Tensor) -> Tensor:
        return self.out(self.dropout(torch.tanh(self.dense(self.dropout(states)))))


class Contrast(nn.Module):
    """Texts [n, hidden] and images [n, hidden], row by row a pair, to a loss; its scale is learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(SCALE).log())

    def forward(self, texts: Tensor, images: Tensor, names: Tensor) -> Tensor:
        """Both directions count alike (Radford et al. 2021, arXiv 2103.00020, figure 3); another caption of the same
        image, by its name, is neither right nor wrong."""
        logits = texts @ images.T * self.log_scale.exp().clamp(max=100.0)
        same = (names[:, None] == names) & ~torch.eye(len(names), dtype=torch.bool, device=names.device)
        logits = logits.float().masked_fill(same, float("-inf"))
        right = torch.arange(len(logits), device=logits.device)
        return (functional.cross_entropy(logits, right) + functional.cross_entropy(logits.T, right)) / 2


class FusedModel(nn.Module):
    """A text encoder with an image side under a head: a classifier over text and images, or the contrast of both.

    For the contrast, a text and an image are encoded apart: a vector is the mean of its own states.
    """

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
        twin = copy.copy(self)
        twin._modules = self._modules | {"text": truncate(self.text, count)}
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
            seen = self.image(images, image_mask).to(states.dtype)
            mask = image_mask.repeat_interleave(images.shape[2], dim=1).to(attention_mask.dtype)
        if isinstance(self.head, Contrast):
            return self._contrasted(states, attention_mask, cast(Tensor, seen), cast(Tensor, mask), labels)
        if seen is not None and mask is not None:
            # before the text: nothing comes between what is read together, so that distances do not depend on padding
            states, attention_mask = torch.cat([seen, states], 1), torch.cat([mask, attention_mask], 1)
        logits = self.head(self._pooled(states, attention_mask))
        loss = None if labels is None else functional.cross_entropy(logits.float(), labels)
        return ModelOutput(loss=loss, logits=logits)

    def _read(self, ids: Tensor | None, given: Tensor | None, types: Tensor | None, attention_mask: Tensor) -> Tensor:
        """States of the text where images join it."""
        if given is None:
            return run_lower(self.text, self.layer, cast(Tensor, ids), attention_mask, types)
        rest = self.layer - self.below
        return run_between(self.text, rest, given, attention_mask) if rest else given

    def _pooled(self, states: Tensor, mask: Tensor) -> Tensor:
        """Mean state above the layer where images join."""
        upper = truncate(self.text, self.layer - self.below)
        states = upper(inputs_embeds=states, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1).clamp(min=1)

    def _contrasted(
        self, states: Tensor, attention_mask: Tensor, seen: Tensor, mask: Tensor, labels: Tensor | None
    ) -> ModelOutput:
        texts = functional.normalize(self._pooled(states, attention_mask).float(), dim=-1)
        images = functional.normalize(self._pooled(seen, mask).float(), dim=-1)
        loss = None if labels is None else self.head(texts, images, labels)
        return ModelOutput(loss=loss, texts=texts, images=images)


def draw(model: FusedModel, seed: int) -> None:
    """Draw image side and head: normal with the encoder's own deviation, biases zero."""
    deviation = getattr(model.config, "initializer_range", 0.02)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for side in (model.image, model.head):
            for module in side.modules():
                if isinstance(module, nn.Linear):
                    module.weight.normal_(std=deviation)
                    module.bias.zero_()
        for parameter in (model.image.position, model.image.number):
            parameter.normal_(std=deviation)
    model.image.join(model.text, model.layer)
