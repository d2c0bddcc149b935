"""The contrastive head of a dual encoder."""

from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.utils.generic import ModelOutput

from xstilts.models.multimodal.heads import MAX_SCALE, contrastive_loss


class SimilarityHead(nn.Module):
    """Contrastive loss between paired texts and images, with a learnt scale.

    Unlike `ContrastiveHead`, it does not transform the vectors, so an untrained model has the cosines of its
    checkpoint.
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(scale).log())
        self.max_scale = max(MAX_SCALE, scale)
        """The parameter itself is clamped, as in CLIP's training, so that it still gets gradients at the maximum."""

    def forward(self, texts: Tensor, images: Tensor, names: Tensor | None) -> ModelOutput:
        """`texts` and `images` are [n, width]; `names` [n] identifies the images."""
        texts, images = (functional.normalize(vectors.float(), dim=-1) for vectors in (texts, images))
        loss = None if names is None else contrastive_loss(texts @ images.T * self._scale(), names)
        return ModelOutput(loss=loss, texts=texts, images=images)

    def _scale(self) -> Tensor:
        with torch.no_grad():
            self.log_scale.clamp_(max=log(self.max_scale))
        return self.log_scale.exp()
