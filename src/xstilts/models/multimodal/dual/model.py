"""A dual encoder under a head: texts and images are encoded apart and compared.

What trains is the text side and the projection of images. The image encoder stays as it was published, so that what it
gives for an image, one pooled state, is computed once.
"""

import inspect
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from xstilts.errors import UserError
from xstilts.models.heads import read_config, read_model
from xstilts.models.multimodal.dual.heads import SimilarityHead
from xstilts.models.multimodal.dual.text import is_dual, reading_of
from xstilts.models.multimodal.heads import ImageTextClassifier, check_count, draw_linear
from xstilts.problems import PROBLEMS, ProblemName

_DEVIATION = 0.02
"""Of a classifier's weights, as BERT's are drawn."""
_PARTS = ("text_model", "vision_model", "logit_scale")
"""What transformers' dual encoders have in common."""
_ELSEWHERE = ("vision_model", "visual_projection", "logit_scale", "logit_bias")
"""Parts of a dual encoder that are none of its text side."""


class DualModel(nn.Module):
    """The text side of a dual encoder, the projection of its images, and a head: a classifier over both, or their
    contrast.

    `text` is transformers' own model without its image encoder. `image` takes pooled states [n, channels] to vectors
    [n, width].
    """

    base_model_prefix = "text"
    """What transformers and peft call the place of the encoder."""

    def __init__(self, text: PreTrainedModel, image: nn.Module, head: nn.Module, padding_style: int) -> None:
        super().__init__()
        self.text = text
        self.image = image
        self.head = head
        self.fill = padding_style
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
        texts = text.get_text_features(input_ids=input_ids, attention_mask=attention_mask, **types).pooler_output
        if images is not None:
            check_count(images.shape[1])
        seen = None if images is None else self.image(images[:, :, 0])
        if isinstance(self.head, SimilarityHead):
            return self.head(texts, cast(Tensor, seen)[:, -1], labels)
        return self.head(texts, seen, image_mask, labels)


def load_dual(problem: ProblemName, folder: Path, *, labels: tuple[str, ...] | None, seed: int) -> DualModel:
    """The dual encoder in `folder` without its image encoder, under a head.

    A classifier is drawn by `seed` alone; the contrast begins with the published scale. SigLIP's bias is left out: it
    adds the same to every pair, which a softmax does not see. Raises UserError where the folder holds no dual encoder
    that is made as transformers' CLIP is.
    """
    config = read_config(folder)
    model = read_dual(folder, config)
    image = getattr(model, "visual_projection", None) or nn.Identity()
    scale = float(cast(Tensor, model.logit_scale).detach().exp().squeeze())
    for part in _ELSEWHERE:
        if hasattr(model, part):
            delattr(model, part)
    if not PROBLEMS[problem].contrastive:
        width = image.out_features if isinstance(image, nn.Linear) else config.vision_config.hidden_size
        dropout = getattr(config.text_config, "hidden_dropout_prob", 0.1)
        head: nn.Module = ImageTextClassifier(width, len(labels or ()), dropout)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            draw_linear(head, _DEVIATION)
    else:
        head = SimilarityHead(scale)
    reading = reading_of(config, folder)
    return DualModel(model, image, head, reading.longest if reading.filled else 0).eval()


def read_dual(folder: Path, config: PreTrainedConfig) -> PreTrainedModel:
    """The whole dual encoder. Raises UserError where it is none."""
    model = read_model(AutoModel, folder, config)[0] if is_dual(config) else None
    if model is None or not all(hasattr(model, part) for part in _PARTS):
        raise UserError(
            f"{folder} holds a {config.model_type}, which is no dual encoder that can be used here",
            "name a CLIP, SigLIP, AltCLIP, ChineseCLIP, MetaCLIP 2 or a VisionTextDualEncoder",
        )
    return model
