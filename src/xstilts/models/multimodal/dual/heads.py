"""The contrast of vectors that a dual encoder has brought into one space already."""

from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.utils.generic import ModelOutput

from xstilts.models.multimodal.heads import LARGEST, paired


class SimilarityHead(nn.Module):
    """Texts and images, row by row a pair, to unit vectors and a loss; the scale of its cosines is learnt.

    The vectors are left as they are: without training, their cosines are those that were published.
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(scale).log())
        self.largest = max(LARGEST, scale)
        """Beyond it, the scale is set back, as in CLIP's own training: it is not stuck there."""

    def forward(self, texts: Tensor, images: Tensor, names: Tensor | None) -> ModelOutput:
        """Both [n, width]; `names` tell images apart, [n]."""
        texts, images = (functional.normalize(vectors.float(), dim=-1) for vectors in (texts, images))
        loss = None if names is None else paired(texts @ images.T * self._scale(), names)
        return ModelOutput(loss=loss, texts=texts, images=images)

    def _scale(self) -> Tensor:
        with torch.no_grad():
            self.log_scale.clamp_(max=log(self.largest))
        return self.log_scale.exp()
