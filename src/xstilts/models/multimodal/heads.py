"""Heads on text and image vectors: a classifier and a contrastive head.

Vectors of a pretrained encoder lie in a narrow cone: their mean dominates their products. So each dimension is
standardised first; `docs/performance.md` has the effect.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.utils.generic import ModelOutput

from xstilts.errors import DataError

MAX_IMAGES = 2
"""Maximum number of images per example."""
INITIAL_SCALE = 20.0
"""Initial factor of the cosines in a contrastive loss, the inverse temperature."""
MAX_SCALE = 100.0
"""Maximum of that factor (Radford et al. 2021, arXiv 2103.00020, section 2.5)."""
MOMENTUM = 0.1
_EPSILON = 1e-5


def check_image_count(images: int) -> None:
    """Raise DataError if an example has more images than the heads support."""
    if images > MAX_IMAGES:
        raise DataError(
            f"an example has {images} images; at most {MAX_IMAGES} are supported",
            "combine them into one image, or remove the example",
        )


class RunningStandardize(nn.Module):
    """Standardises each dimension of vectors [..., hidden].

    While `learning`, training steps use batch statistics and update the running ones, as in batch normalisation (Ioffe
    and Szegedy 2015, arXiv 1502.03167). Otherwise the running statistics are used, because few shots give no reliable
    variance.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        # parameters without gradient, so that they are selected, saved and restored with the head's weights
        self.mean = nn.Parameter(torch.zeros(hidden))
        self.variance = nn.Parameter(torch.ones(hidden))
        self.learning = True

    def forward(self, vectors: Tensor, mask: Tensor | None = None) -> Tensor:
        """Vectors where `mask` is 0 do not count in the statistics."""
        vectors = vectors.float()
        mean, variance = self.mean.detach(), self.variance.detach()
        if self.training and self.learning:
            unmasked = vectors.flatten(0, -2) if mask is None else vectors[mask.bool()]
            if len(unmasked) > 1:
                mean, variance = unmasked.mean(0), unmasked.var(0)
                with torch.no_grad():
                    self.mean.lerp_(mean, MOMENTUM)
                    self.variance.lerp_(variance, MOMENTUM)
        return (vectors - mean) / (variance + _EPSILON).sqrt()


class ImageTextClassifier(nn.Module):
    """A classifier with one hidden layer on text, images, their products and their absolute differences.

    As InferSent for sentence pairs (Conneau et al. 2017, arXiv 1705.02364, section 3.1).
    """

    def __init__(self, hidden: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.text, self.image = RunningStandardize(hidden), RunningStandardize(hidden)
        self.dense = nn.Linear((1 + 3 * MAX_IMAGES + 1) * hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, labels)

    def forward(
        self, texts: Tensor, images: Tensor | None, image_mask: Tensor | None, labels: Tensor | None
    ) -> ModelOutput:
        """Texts [batch, hidden], images [batch, images, hidden], mask [batch, images] with 0 for padding."""
        logits = self.classify(self.hidden(texts, images, image_mask))
        loss = None if labels is None else functional.cross_entropy(logits, labels)
        return ModelOutput(loss=loss, logits=logits)

    def hidden(self, texts: Tensor, images: Tensor | None, image_mask: Tensor | None) -> Tensor:
        """The input of the last layer: [batch, hidden]."""
        text = self.text(texts)
        first, second = self._pad_images(text, images, image_mask).unbind(1)
        features = [text, first, second, text * first, text * second, (text - first).abs(), (text - second).abs()]
        return torch.tanh(self.dense(self.dropout(torch.cat([*features, first * second], 1))))

    def classify(self, hidden: Tensor) -> Tensor:
        """Logits in float32: those of a closed-form head are so large that bf16 would make ties."""
        with torch.autocast(hidden.device.type, enabled=False):
            return self.out(self.dropout(hidden.float()))

    def _pad_images(self, text: Tensor, images: Tensor | None, mask: Tensor | None) -> Tensor:
        """[batch, MAX_IMAGES, hidden], right-padded with zeros."""
        if images is None or mask is None:
            return text.new_zeros(len(text), MAX_IMAGES, text.shape[-1])
        vectors = self.image(images, mask) * mask.unsqueeze(-1)
        order = mask.argsort(dim=1, descending=True, stable=True)
        vectors = vectors.gather(1, order.unsqueeze(-1).expand_as(vectors))
        return functional.pad(vectors, (0, 0, 0, MAX_IMAGES - vectors.shape[1]))


class ContrastiveHead(nn.Module):
    """Contrastive loss between paired texts and images, with standardised vectors and a learnt scale."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.text, self.image = RunningStandardize(hidden), RunningStandardize(hidden)
        self.log_scale = nn.Parameter(torch.tensor(INITIAL_SCALE).log())

    def forward(self, texts: Tensor, images: Tensor, names: Tensor | None) -> ModelOutput:
        """`texts` and `images` are [n, hidden]; `names` [n] identifies the images."""
        texts = functional.normalize(self.text(texts), dim=-1)
        images = functional.normalize(self.image(images), dim=-1)
        scale = self.log_scale.exp().clamp(max=MAX_SCALE)
        loss = None if names is None else contrastive_loss(texts @ images.T * scale, names)
        return ModelOutput(loss=loss, texts=texts, images=images)


def contrastive_loss(logits: Tensor, names: Tensor) -> Tensor:
    """Symmetric cross-entropy of logits [n, n] with the positives on the diagonal; `names` [n] identifies the images.

    Radford et al. (2021, arXiv 2103.00020, figure 3). Other captions of the same image are masked.
    """
    is_duplicate = (names[:, None] == names) & ~torch.eye(len(names), dtype=torch.bool, device=names.device)
    logits = logits.masked_fill(is_duplicate, float("-inf"))
    targets = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, targets) + functional.cross_entropy(logits.T, targets)) / 2


def init_linear(module: nn.Module, std: float) -> None:
    """Initialise all linear layers in `module`: normal weights, zero biases."""
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.normal_(std=std)
                layer.bias.zero_()


def freeze_statistics(model: nn.Module) -> None:
    """Stop updating the running statistics; they are used in training too from now on."""
    for module in model.modules():
        if isinstance(module, RunningStandardize):
            module.learning = False
