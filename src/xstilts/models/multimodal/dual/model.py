"""A dual encoder with a head. Texts and images are encoded separately and compared.

The text tower and the image projection are trained. The image tower is frozen, so its pooled state of an image is
computed once.
"""

import inspect
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from xstilts.errors import UserError
from xstilts.models.has_encoder import HasEncoder
from xstilts.models.heads import read_config, read_model
from xstilts.models.multimodal.dual.heads import SimilarityHead
from xstilts.models.multimodal.dual.text import is_dual, text_preparation
from xstilts.models.multimodal.heads import ImageTextClassifier, check_image_count, init_linear
from xstilts.problems import PROBLEMS, ProblemName

_INIT_STD = 0.02
"""Standard deviation of a classifier's initial weights, as in BERT."""
_REQUIRED_ATTRIBUTES = ("text_model", "vision_model", "logit_scale")
"""Attributes of all supported dual encoders of transformers."""
_NON_TEXT_ATTRIBUTES = ("vision_model", "visual_projection", "logit_scale", "logit_bias")
"""Attributes of a dual encoder that do not belong to its text tower."""


class DualModel(HasEncoder):
    """The text tower of a dual encoder, the projection of its images, and a head (classifier or contrastive).

    `text` is the transformers model without its image tower. `image` maps pooled states [n, channels] to vectors
    [n, width].
    """

    base_model_prefix = "text"

    def __init__(self, text: PreTrainedModel, image: nn.Module, head: nn.Module, padded_length: int) -> None:
        super().__init__()
        self.text = text
        self.image = image
        self.head = head
        self.padded_length = padded_length
        """Length in sub-words to which every text is padded, for a model that attends to padding; 0 if it is masked."""
        self._has_token_types = "token_type_ids" in inspect.signature(cast(Any, text).get_text_features).parameters

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
        """`images` are [batch, images, 1, channels], `image_mask` is [batch, images]; None for text only."""
        types = {} if token_type_ids is None or not self._has_token_types else {"token_type_ids": token_type_ids}
        text: Any = self.text
        texts = text.get_text_features(input_ids=input_ids, attention_mask=attention_mask, **types).pooler_output
        if images is not None:
            check_image_count(images.shape[1])
        vectors = None if images is None else self.image(images[:, :, 0])
        if isinstance(self.head, SimilarityHead):
            return self.head(texts, cast(Tensor, vectors)[:, -1], labels)
        return self.head(texts, vectors, image_mask, labels)


def load_dual(problem: ProblemName, folder: Path, *, labels: tuple[str, ...] | None, seed: int) -> DualModel:
    """The dual encoder in `folder` without its image tower, with a head.

    A classifier is initialised from `seed`; a contrastive head starts with the scale of the checkpoint. SigLIP's bias
    is dropped: it is the same for every pair, so it does not change a softmax. Raises UserError if the folder has no
    supported dual encoder.
    """
    config = read_config(folder)
    model = read_dual(folder, config)
    image = getattr(model, "visual_projection", None) or nn.Identity()
    scale = float(cast(Tensor, model.logit_scale).detach().exp().squeeze())
    for name in _NON_TEXT_ATTRIBUTES:
        if hasattr(model, name):
            delattr(model, name)
    if not PROBLEMS[problem].is_contrastive:
        width = image.out_features if isinstance(image, nn.Linear) else config.vision_config.hidden_size
        dropout = getattr(config.text_config, "hidden_dropout_prob", 0.1)
        head: nn.Module = ImageTextClassifier(width, len(labels or ()), dropout)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            init_linear(head, _INIT_STD)
    else:
        head = SimilarityHead(scale)
    preparation = text_preparation(config, folder)
    return DualModel(model, image, head, preparation.longest if preparation.filled else 0).eval()


def read_dual(folder: Path, config: PreTrainedConfig) -> PreTrainedModel:
    """The dual encoder with both towers. Raises UserError if the folder has another model."""
    model = read_model(AutoModel, folder, config)[0] if is_dual(config) else None
    if model is None or not all(hasattr(model, name) for name in _REQUIRED_ATTRIBUTES):
        raise UserError(
            f"{folder} has a {config.model_type} model, which is not a supported dual encoder",
            "use a CLIP, SigLIP, AltCLIP, ChineseCLIP, MetaCLIP 2 or VisionTextDualEncoder model",
        )
    return model
