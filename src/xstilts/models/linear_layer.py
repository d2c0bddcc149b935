"""The last layer of a head, where it is linear in a state of the text, a word, a choice, or a text with its images."""

from typing import Any

from torch import Tensor, nn
from transformers.utils.generic import ModelOutput

from xstilts.models.compat import with_child
from xstilts.models.generic_head import GenericHeadModel
from xstilts.models.multimodal.heads import ImageTextClassifier


class _StatesHead(nn.Module):
    """Replaces an image-text classifier, and returns the input of its last layer."""

    def __init__(self, head: ImageTextClassifier) -> None:
        super().__init__()
        self.head = head

    def forward(self, texts: Tensor, images: Tensor | None, image_mask: Tensor | None, labels: object) -> ModelOutput:
        return ModelOutput(states=self.head.hidden(texts, images, image_mask))


def linear_layer(model: nn.Module) -> nn.Linear | None:
    """The linear layer from states to logits; None if the head has another form."""
    if isinstance(model, GenericHeadModel):
        return model.classifier if model.dense is None and model.kind != "span" else None
    head = getattr(model, "head", None)
    return head.out if isinstance(head, ImageTextClassifier) else None


def image_text_states(model: nn.Module) -> nn.Module:
    """A model with the same inputs whose output `states` [batch, hidden] are the input of the last layer."""
    head: Any = model.get_submodule("head")
    return with_child(model, "head", _StatesHead(head)).eval()


def with_last_layer(model: nn.Module, weight: Tensor, bias: Tensor) -> nn.Module:
    """A copy of an image-text model, in evaluation mode, with another last layer: [classes, hidden] and [classes]."""
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
    return with_child(model, "head.out", layer).eval()
