"""A dual encoder under a head: texts and images are encoded apart and compared.

What trains is the text side and the projection of images. The image encoder stays as it was published, so that what it
gives for an image, one pooled state, is computed once.
"""

import inspect
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from xstilts.errors import DataError, UserError
from xstilts.models.dual.text import is_dual, reading_of
from xstilts.models.fusion import Classifier, Contrast, draw_linear
from xstilts.models.heads import read_config, read_model
from xstilts.problems import ProblemName

PLACES = 2
"""Images that a text is compared with at most."""
_PARTS = ("text_model", "vision_model", "logit_scale")
"""What transformers' dual encoders have in common."""


class DualModel(nn.Module):
    """The text side of a dual encoder, the projection of its images, and a head: a classifier over both, or their
    contrast.

    `text` is transformers' own model without its image encoder. `image` takes pooled states [n, channels] to vectors
    [n, width].
    """

    def __init__(self, text: PreTrainedModel, image: nn.Module, head: nn.Module, fill: int) -> None:
        super().__init__()
        self.text = text
        self.image = image
        self.head = head
        self.fill = fill
        """Sub-words that every text is filled up to, and read as text; 0 where padding is masked."""
        self._typed = "token_type_ids" in inspect.signature(cast(Any, text).get_text_features).parameters

    @property
    def base_model(self) -> PreTrainedModel:
        return self.text

    @property
    def config(self) -> PreTrainedConfig:
        return self.text.config

    def forward(
        self,
        *,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        images: Tensor | None = None,
        image_mask: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> ModelOutput:
        """`images` are [batch, images, 1, channels], `image_mask` is [batch, images]; none: the text alone."""
        types = {} if token_type_ids is None or not self._typed else {"token_type_ids": token_type_ids}
        text: Any = self.text
        found = text.get_text_features(input_ids=input_ids, attention_mask=attention_mask, **types)
        texts = functional.normalize(found.pooler_output.float(), dim=-1)
        seen = None if images is None else functional.normalize(self.image(images[:, :, 0]).float(), dim=-1)
        if isinstance(self.head, Contrast):
            vectors = cast(Tensor, seen)[:, -1]
            loss = None if labels is None else self.head(texts, vectors, labels)
            return ModelOutput(loss=loss, texts=texts, images=vectors)
        logits = self.head(compared(texts, seen, image_mask))
        loss = None if labels is None else functional.cross_entropy(logits.float(), labels)
        return ModelOutput(loss=loss, logits=logits)


def compared(texts: Tensor, images: Tensor | None, mask: Tensor | None) -> Tensor:
    """What a classifier reads of texts [batch, width] and images [batch, images, width], all of unit length.

    The text, then for each place its image, their product and their absolute difference, zero where no image is:
    [batch, (1 + 3 * PLACES) * width]. Vectors are made longer, so that single numbers are about 1 whatever the width.
    """
    width = texts.shape[-1]
    texts = texts * width**0.5
    shown = texts.new_zeros(len(texts), PLACES, 1)
    placed = texts.new_zeros(len(texts), PLACES, width)
    if images is not None and mask is not None:
        to = _places(mask).to(texts.dtype)
        placed, shown = to @ images * width**0.5, to.sum(-1, keepdim=True)
    beside, apart = texts[:, None] * placed, (texts[:, None] - placed).abs() * shown
    return torch.cat([texts[:, None], placed, beside, apart], 1).flatten(1)


def _places(mask: Tensor) -> Tensor:
    """[batch, PLACES, images], 1 where an image of the batch belongs: padding before the images takes no place."""
    if mask.shape[1] > PLACES:
        raise DataError(
            f"an example shows {mask.shape[1]} images, and a dual encoder compares a text with {PLACES} at most",
            "use a fused encoder, such as e5-small+efficientnet-lite0",
        )
    numbers = mask.cumsum(1) - 1
    places = torch.arange(PLACES, device=mask.device)
    return (numbers[:, None] == places[:, None]) & (mask[:, None] > 0)


def load_dual(problem: ProblemName, folder: Path, *, labels: tuple[str, ...] | None, seed: int) -> DualModel:
    """The dual encoder in `folder` without its image encoder, under a head.

    A classifier is drawn by `seed` alone; the contrast begins with the published scale. SigLIP's bias is left out: it
    adds the same to every pair, which a softmax does not see. Raises UserError where the folder holds no dual encoder
    that is made as transformers' CLIP is.
    """
    config = read_config(folder)
    model = read_dual(folder, config)
    image = getattr(model, "visual_projection", None) or nn.Identity()
    width = _width(model, image)
    scale = float(cast(Tensor, model.logit_scale).detach().exp().squeeze())
    for part in ("vision_model", "visual_projection", "logit_scale", "logit_bias"):
        if hasattr(model, part):
            delattr(model, part)
    dropout = getattr(config.text_config, "hidden_dropout_prob", 0.1)
    seen = (1 + 3 * PLACES) * width
    head = Classifier(width, len(labels or ()), dropout, seen) if problem == "image-text" else Contrast(scale)
    reading = reading_of(config, folder)
    found = DualModel(model, image, head, reading.longest if reading.filled else 0)
    draw_linear([head], getattr(config.text_config, "initializer_range", 0.02), seed)
    return found.eval()


def read_dual(folder: Path, config: PreTrainedConfig) -> PreTrainedModel:
    """The whole dual encoder. Raises UserError where it is none."""
    model = read_model(AutoModel, folder, config)[0] if is_dual(config) else None
    if model is None or not all(hasattr(model, part) for part in _PARTS):
        raise UserError(
            f"{folder} holds a {config.model_type}, which is no dual encoder that can be used here",
            "name a CLIP, SigLIP, AltCLIP, ChineseCLIP, MetaCLIP 2 or a VisionTextDualEncoder",
        )
    return model


def _width(model: PreTrainedModel, image: nn.Module) -> int:
    if isinstance(image, nn.Linear):
        return image.out_features
    return cast(Any, model).config.vision_config.hidden_size
