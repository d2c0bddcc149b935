"""EfficientNet-Lite0 against an independent implementation of it.

The numbers are logits of the package efficientnet-lite-pytorch 0.1.0 (which builds the network with separate batch
norms) with the same weights, for pictures that `drawings` draws; both agreed within 1e-5. By hand, ImageNet's classes
of scikit-image's photographs, centre crop of 224: coffee is espresso .95, camera is tripod .94, rocket is missile .32
(before projector .21), chelsea is tabby, Egyptian or tiger cat .92 together.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.golden.drawings import DRAWINGS
from torch.nn import functional as F

from xstilts.encoders import find_card
from xstilts.models.multimodal.vision import load_vision
from xstilts.models.multimodal.vision.efficientnet import Lite0

LOGITS = {
    "ball": ((722, 417, 844, 470, 818), (7.5996, 5.2613, 4.2281, 4.1997, 4.0510), -0.0574, 1.1042),
    "stripes": ((811, 716, 753, 729, 905), (5.0517, 4.8728, 4.7832, 4.7315, 4.4264), -0.0592, 1.0597),
    "web": ((646, 545, 815, 640, 807), (6.5570, 5.2046, 5.0323, 4.2787, 4.1085), -0.0631, 1.0637),
}
"""The five classes that come first, their logits, mean and standard deviation of all logits."""


@pytest.fixture(scope="module")
def lite0(cache: Path) -> Lite0:
    encoder = load_vision("efficientnet-lite0", cache=cache, offline=False)
    assert isinstance(encoder, Lite0)
    return encoder


@pytest.mark.parametrize("name", LOGITS)
def test_logits_are_those_of_the_other_implementation(lite0: Lite0, name: str):
    classes, values, mean, deviation = LOGITS[name]
    (found,) = lite0.logits([DRAWINGS[name]()])
    top = found.topk(5)
    assert tuple(top.indices.tolist()) == classes
    assert top.values.tolist() == pytest.approx(values, abs=1e-3)
    assert (found.mean().item(), found.std().item()) == pytest.approx((mean, deviation), abs=1e-3)


def test_features_are_the_map_before_the_head(lite0: Lite0):
    """The head on the features gives the logits: 1 x 1 convolution, ReLU6, mean over the map, classes."""
    head, classes = lite0._net._conv_head, lite0._net._fc
    pictures = [draw() for draw in DRAWINGS.values()]
    features = lite0.features(pictures, 224, 7)
    assert features.shape == (3, 49, lite0.channels) and features.dtype == torch.float32
    wide = F.relu6(features @ head.weight[:, :, 0, 0].T + head.bias)
    assert torch.allclose(classes(wide.mean(dim=1)), lite0.logits(pictures), atol=1e-3)


def test_the_grid_is_the_mean_of_its_places_row_by_row(lite0: Lite0):
    pictures = [DRAWINGS["ball"]()]
    fine, coarse = lite0.features(pictures, 128, 4), lite0.features(pictures, 128, 2)
    upper_right = fine.reshape(1, 4, 4, -1)[:, :2, 2:].mean(dim=(1, 2))
    assert torch.allclose(coarse[:, 1], upper_right, atol=1e-5)


@pytest.mark.parametrize("size", [64, 97])
def test_batches_of_one_size_give_the_same_bits(lite0: Lite0, size: int):
    noise = np.random.default_rng(0).integers(0, 256, (24, 40, 40, 3), dtype=np.uint8)
    pictures = [Image.fromarray(picture) for picture in noise]
    first, other = lite0.features(pictures[:16], size, 2), lite0.features(pictures[:-17:-1], size, 2)
    assert torch.equal(first[8:], other.flip(0)[:8])


def test_the_card_says_what_it_is(lite0: Lite0):
    card = find_card("efficientnet-lite0")
    assert card.channels == lite0.channels
    convolutions = [p for name, p in lite0._net.named_parameters() if not name.startswith(("_conv_head", "_fc"))]
    norms = sum(p.numel() for p in convolutions if p.ndim == 1)
    assert card.parameters == sum(p.numel() for p in convolutions) + norms, "a norm has a gain beside each bias"
