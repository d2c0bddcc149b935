"""Conversion of images to tensors, and pooling of feature maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from xstilts.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """Image normalisation of a model: (value * scale - mean) / std, with values from 0 to 255."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float = 1 / 255
    filter: Image.Resampling = Image.Resampling.BICUBIC

    def __call__(self, images: Sequence[Image.Image], size: int) -> Tensor:
        """[n, 3, size, size] in channels-last format; the aspect ratio is not preserved."""
        resized = [image.convert("RGB").resize((size, size), self.filter) for image in images]
        pixels = torch.from_numpy(np.stack([np.asarray(image) for image in resized])).permute(0, 3, 1, 2)
        mean, std = (torch.tensor(values).reshape(1, -1, 1, 1) for values in (self.mean, self.std))
        return ((pixels.float() * self.scale - mean) / std).contiguous(memory_format=torch.channels_last)


def pool_to_grid(maps: Tensor, grid: int) -> Tensor:
    """Average-pool maps [n, channels, height, width] to [n, grid * grid, channels] in row-major order.

    Raises UserError if the map is smaller than the grid.
    """
    side = min(maps.shape[-2:])
    if grid > side:
        raise UserError(
            f"the grid of {grid} x {grid} is larger than the feature map of {side} x {side}",
            f"use larger images, or a grid of at most {side}",
        )
    return F.adaptive_avg_pool2d(maps, grid).flatten(2).transpose(1, 2).float().contiguous()
