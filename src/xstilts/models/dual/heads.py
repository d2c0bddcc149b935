"""Heads over a text's vector and images' vectors that lie in one space: a classifier over both, and their contrast."""

from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.utils.generic import ModelOutput

from xstilts.errors import DataError

IMAGES = 2
"""Images that a text is compared with at most."""
LARGEST = 100.0
"""What cosines are multiplied by at most, unless more was published (Radford et al. 2021, arXiv 2103.00020, 2.5)."""


class Classifier(nn.Module):
    """Vectors to logits, through one hidden layer."""

    def __init__(self, width: int, labels: int, dropout: float, seed: int) -> None:
        super().__init__()
        self.dense = nn.Linear((1 + 3 * IMAGES) * width, width)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, labels)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            for linear in (self.dense, self.out):
                linear.weight.normal_(std=0.02)
                linear.bias.zero_()

    def forward(
        self, texts: Tensor, images: Tensor | None, image_mask: Tensor | None, labels: Tensor | None
    ) -> ModelOutput:
        """Texts [batch, width], images [batch, images, width] with their mask; none are shown where it is 0."""
        parts = compared(texts, images, image_mask)
        logits = self.out(self.dropout(torch.tanh(self.dense(self.dropout(parts))))).float()
        loss = None if labels is None else functional.cross_entropy(logits, labels)
        return ModelOutput(loss=loss, logits=logits)


def compared(texts: Tensor, images: Tensor | None, mask: Tensor | None) -> Tensor:
    """What a classifier reads: the text, then each place's image, their products and their absolute differences.

    [batch, (1 + 3 * IMAGES) * width], zero where there is no image. Vectors are brought to the length sqrt(width), so
    that their numbers are about 1 and those of their products too.
    """
    texts = _long(texts)
    shown = texts.new_zeros(len(texts), IMAGES, 1)
    placed = texts.new_zeros(len(texts), IMAGES, texts.shape[-1])
    if images is not None and mask is not None:
        to = _places(mask).to(texts.dtype)
        placed, shown = to @ _long(images), to.sum(-1, keepdim=True)
    beside, apart = texts[:, None] * placed, (texts[:, None] - placed).abs() * shown
    return torch.cat([texts[:, None], placed, beside, apart], 1).flatten(1)


class Likeness(nn.Module):
    """Texts and images, row by row a pair, to unit vectors and a loss; the scale of its cosines is learnt."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(scale).log())
        self.largest = max(LARGEST, scale)
        """Beyond it, the scale is set back, as in CLIP's own training: it is not stuck there."""

    def forward(self, texts: Tensor, images: Tensor, names: Tensor | None) -> ModelOutput:
        """Both [n, width]; `names` tell images apart, [n].

        Both directions count alike (Radford et al. 2021, figure 3); another caption of the same image is neither right
        nor wrong.
        """
        texts, images = (functional.normalize(vectors.float(), dim=-1) for vectors in (texts, images))
        loss = None if names is None else self._loss(texts @ images.T, names)
        return ModelOutput(loss=loss, texts=texts, images=images)

    def _loss(self, cosines: Tensor, names: Tensor) -> Tensor:
        with torch.no_grad():
            self.log_scale.clamp_(max=log(self.largest))
        logits = cosines * self.log_scale.exp()
        same = (names[:, None] == names) & ~torch.eye(len(names), dtype=torch.bool, device=names.device)
        logits = logits.masked_fill(same, float("-inf"))
        right = torch.arange(len(logits), device=logits.device)
        return (functional.cross_entropy(logits, right) + functional.cross_entropy(logits.T, right)) / 2


def _long(vectors: Tensor) -> Tensor:
    return functional.normalize(vectors.float(), dim=-1) * vectors.shape[-1] ** 0.5


def _places(mask: Tensor) -> Tensor:
    """[batch, IMAGES, images], 1 where an image of the batch belongs: padding before the images takes no place."""
    if mask.shape[1] > IMAGES:
        raise DataError(
            f"an example shows {mask.shape[1]} images, and a text is compared with {IMAGES} at most",
            "leave examples of more images out",
        )
    numbers = mask.cumsum(1) - 1
    places = torch.arange(IMAGES, device=mask.device)
    return (numbers[:, None] == places[:, None]) & (mask[:, None] > 0)
