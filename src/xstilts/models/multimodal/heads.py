"""Heads over a text's vector and images' vectors: a classifier that compares them, and their contrast.

Vectors of a pretrained encoder lie in a narrow cone: what tells them apart is small beside what they have in common,
and in their products it is lost. So each dimension is standardised first; `docs/performance.md` has what that brings.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.utils.generic import ModelOutput

from xstilts.errors import DataError

IMAGES = 2
"""Images that an example can show at most."""
SCALE = 20.0
"""What cosines are multiplied by before the softmax of a contrastive loss, at first."""
LARGEST = 100.0
"""That factor at most (Radford et al. 2021, arXiv 2103.00020, section 2.5)."""
MOMENTUM = 0.1
_TINY = 1e-5


def check_count(images: int) -> None:
    """Raises DataError where an example shows more images than a head can take in."""
    if images > IMAGES:
        raise DataError(
            f"an example shows {images} images, and a text is compared with {IMAGES} at most",
            "lay them side by side as one image, or leave the example out",
        )


class RunningStandardize(nn.Module):
    """Vectors [..., hidden] less their mean and divided by their deviation, dimension by dimension.

    While `learning`, a training step uses its own and moves the running ones, as batch normalisation does (Ioffe and
    Szegedy 2015, arXiv 1502.03167); otherwise the running ones are used: few shots say nothing of a deviation.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        # parameters, though no gradient reaches them, so that they are kept, saved and restored with the head's weights
        self.mean = nn.Parameter(torch.zeros(hidden))
        self.variance = nn.Parameter(torch.ones(hidden))
        self.learning = True

    def forward(self, vectors: Tensor, mask: Tensor | None = None) -> Tensor:
        """`mask` says which vectors count."""
        vectors = vectors.float()
        mean, variance = self.mean.detach(), self.variance.detach()
        if self.training and self.learning:
            counted = vectors.flatten(0, -2) if mask is None else vectors[mask.bool()]
            if len(counted) > 1:
                mean, variance = counted.mean(0), counted.var(0)
                with torch.no_grad():
                    self.mean.lerp_(mean, MOMENTUM)
                    self.variance.lerp_(variance, MOMENTUM)
        return (vectors - mean) / (variance + _TINY).sqrt()


class ImageTextClassifier(nn.Module):
    """The text, each image, their products and distances, to logits through one hidden layer.

    As in InferSent (Conneau et al. 2017, arXiv 1705.02364, section 3.1), there for two sentences.
    """

    def __init__(self, hidden: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.text, self.image = RunningStandardize(hidden), RunningStandardize(hidden)
        self.dense = nn.Linear((1 + 3 * IMAGES + 1) * hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, labels)

    def forward(
        self, texts: Tensor, images: Tensor | None, image_mask: Tensor | None, labels: Tensor | None
    ) -> ModelOutput:
        """Texts [batch, hidden], images [batch, images, hidden] with their mask; none are shown where it is 0."""
        text = self.text(texts)
        shown = self._placed(text, images, image_mask)
        first, second = shown.unbind(1)
        parts = [text, first, second, text * first, text * second, (text - first).abs(), (text - second).abs()]
        hidden = torch.tanh(self.dense(self.dropout(torch.cat([*parts, first * second], 1))))
        logits = self.out(self.dropout(hidden)).float()
        loss = None if labels is None else functional.cross_entropy(logits, labels)
        return ModelOutput(loss=loss, logits=logits)

    def _placed(self, text: Tensor, images: Tensor | None, mask: Tensor | None) -> Tensor:
        """[batch, IMAGES, hidden], zero where there is no image; the padding behind the images."""
        if images is None or mask is None:
            return text.new_zeros(len(text), IMAGES, text.shape[-1])
        kept = self.image(images, mask) * mask.unsqueeze(-1)
        order = mask.argsort(dim=1, descending=True, stable=True)
        kept = kept.gather(1, order.unsqueeze(-1).expand_as(kept))
        return functional.pad(kept, (0, 0, 0, IMAGES - kept.shape[1]))


class ContrastiveHead(nn.Module):
    """Texts and images, row by row a pair, to unit vectors and a loss; the scale of its cosines is learnt."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.text, self.image = RunningStandardize(hidden), RunningStandardize(hidden)
        self.log_scale = nn.Parameter(torch.tensor(SCALE).log())

    def forward(self, texts: Tensor, images: Tensor, names: Tensor | None) -> ModelOutput:
        """Both [n, hidden]; `names` tell images apart, [n]."""
        texts = functional.normalize(self.text(texts), dim=-1)
        images = functional.normalize(self.image(images), dim=-1)
        scale = self.log_scale.exp().clamp(max=LARGEST)
        loss = None if names is None else paired(texts @ images.T * scale, names)
        return ModelOutput(loss=loss, texts=texts, images=images)


def paired(logits: Tensor, names: Tensor) -> Tensor:
    """The loss of pairs [n, n] that lie on the diagonal; `names` tell images apart, [n].

    Both directions count alike (Radford et al. 2021, arXiv 2103.00020, figure 3); another caption of the same image is
    neither right nor wrong.
    """
    same = (names[:, None] == names) & ~torch.eye(len(names), dtype=torch.bool, device=names.device)
    logits = logits.masked_fill(same, float("-inf"))
    right = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, right) + functional.cross_entropy(logits.T, right)) / 2


def draw_linear(module: nn.Module, deviation: float) -> None:
    """Draw what is linear in it: normal, biases zero."""
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Linear):
                part.weight.normal_(std=deviation)
                part.bias.zero_()


def freeze_statistics(model: nn.Module) -> None:
    """From now on, vectors are standardised by what was learnt."""
    for module in model.modules():
        if isinstance(module, RunningStandardize):
            module.learning = False
