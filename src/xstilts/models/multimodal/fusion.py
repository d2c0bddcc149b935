"""Fusion: projected image features join the tokens of a text encoder at one layer.

The image encoder is frozen, so its features are computed once. The projector and the text encoder's layers train; both
are transferred to later stages.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils.generic import ModelOutput

from xstilts.models.compat import with_child
from xstilts.models.has_encoder import HasEncoder
from xstilts.models.multimodal.heads import MAX_IMAGES, ContrastiveHead, check_image_count, init_linear
from xstilts.models.pooling import mean_state
from xstilts.models.split import layers, run_between, run_lower, truncate


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInputSpec:
    """The shape of image features and the layer where they join the text."""

    channels: int
    tokens: int
    """Tokens per image."""
    layer: int
    """The first layer, counted from 0, that attends to text and images together."""


class ImageProjector(nn.Module):
    """Maps image features [batch, images, tokens, channels] to states [batch, images * tokens, hidden].

    The mask is [batch, images]. Images are left-padded.
    """

    def __init__(self, image_input: ImageInputSpec, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(image_input.channels)
        self.project = nn.Linear(image_input.channels, hidden)
        self.position = nn.Parameter(torch.empty(image_input.tokens, hidden))
        self.number = nn.Parameter(torch.empty(MAX_IMAGES, hidden))
        self.scale = nn.LayerNorm(hidden)

    def forward(self, images: Tensor, mask: Tensor) -> Tensor:
        numbers = (mask.cumsum(1) - 1).clamp(min=0)
        positions = self.number[numbers][:, :, None] + self.position
        return self.scale(self.project(self.norm(images)) + positions).flatten(1, 2)

    def match_layer_norm(self, text: PreTrainedModel, layer: int) -> None:
        """Initialise the output norm from the norm of the text states at `layer`."""
        lower = layers(text)[layer - 1] if layer else text
        norms = [module for module in lower.modules() if isinstance(module, nn.LayerNorm) and module.bias is not None]
        if norms and norms[-1].weight.shape == self.scale.weight.shape:
            self.scale.load_state_dict(norms[-1].state_dict())


class FusedModel(HasEncoder):
    """A text encoder with an image projector and a head: a classifier over text and images, or a contrastive head.

    For the contrastive head, texts and images are encoded separately and mean-pooled.
    """

    base_model_prefix = "text"

    def __init__(self, text: PreTrainedModel, image: ImageProjector, head: nn.Module, layer: int) -> None:
        super().__init__()
        self.text = text
        self.image = image
        self.head = head
        self.layer = layer
        self.removed_layers = 0
        """Lower layers that `truncated` has removed; the inputs are their output."""

    def truncated(self, count: int) -> "FusedModel":
        """The model without embeddings and its first `count` layers, as `truncate`.

        Raises ValueError if `count` is above the fusion layer.
        """
        if not 0 <= count <= self.layer:
            raise ValueError(f"images join at layer {self.layer}, so the model cannot be split after {count}")
        upper = with_child(self, "text", truncate(self.text, count))
        upper.removed_layers = self.removed_layers + count
        return upper

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
        """`images` are [batch, images, tokens, channels], `image_mask` is [batch, images]; None for text only."""
        text_states = self._run_lower(input_ids, inputs_embeds, token_type_ids, attention_mask)
        if images is None or image_mask is None:
            assert not isinstance(self.head, ContrastiveHead)
            text = mean_state(self._run_upper(text_states, attention_mask), attention_mask)
            return self.head(text, None, None, labels)
        check_image_count(images.shape[1])
        image_states = self.image(images, image_mask).to(text_states.dtype)
        mask = image_mask.repeat_interleave(images.shape[2], dim=1).to(attention_mask.dtype)
        if isinstance(self.head, ContrastiveHead):
            texts = mean_state(self._run_upper(text_states, attention_mask), attention_mask)
            return self.head(texts, mean_state(self._run_upper(image_states, mask), mask), labels)
        # images first: text padding must not come between them, because it would change relative positions
        joint = self._run_upper(torch.cat([image_states, text_states], 1), torch.cat([mask, attention_mask], 1))
        joint_images, joint_text = joint.split([image_states.shape[1], text_states.shape[1]], 1)
        image_means = joint_images.unflatten(1, (image_mask.shape[1], -1)).mean(2)
        return self.head(mean_state(joint_text, attention_mask), image_means, image_mask, labels)

    def _run_lower(
        self, ids: Tensor | None, activations: Tensor | None, types: Tensor | None, attention_mask: Tensor
    ) -> Tensor:
        """The text states at the fusion layer."""
        if activations is None:
            return run_lower(self.text, self.layer, cast(Tensor, ids), attention_mask, types)
        count = self.layer - self.removed_layers
        return run_between(self.text, count, activations, attention_mask) if count else activations

    def _run_upper(self, states: Tensor, mask: Tensor) -> Tensor:
        """The encoder's output from the states at the fusion layer."""
        return truncate(self.text, self.layer - self.removed_layers)(
            inputs_embeds=states, attention_mask=mask
        ).last_hidden_state


def init_new_weights(model: FusedModel, seed: int) -> None:
    """Initialise projector and head: normal with the encoder's standard deviation, biases zero."""
    std = getattr(model.config, "initializer_range", 0.02)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in (model.image, model.head):
            init_linear(module, std)
        for parameter in (model.image.position, model.image.number):
            parameter.normal_(std=std)
    model.image.match_layer_norm(model.text, model.layer)
