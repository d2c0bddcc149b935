"""Pictures to tensors, and feature maps to the grid that is read."""

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
    """How a model was shown its images: (shade x scale - mean) / std, shades from 0 to 255."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float = 1 / 255
    filter: Image.Resampling = Image.Resampling.BICUBIC

    def __call__(self, images: Sequence[Image.Image], size: int) -> Tensor:
        """[n, 3, size, size], channels last in memory; what is not square is squeezed."""
        resized = [image.convert("RGB").resize((size, size), self.filter) for image in images]
        shades = torch.from_numpy(np.stack([np.asarray(image) for image in resized])).permute(0, 3, 1, 2)
        mean, std = (torch.tensor(values).reshape(1, -1, 1, 1) for values in (self.mean, self.std))
        return ((shades.float() * self.scale - mean) / std).contiguous(memory_format=torch.channels_last)


def on_grid(maps: Tensor, grid: int) -> Tensor:
    """[n, channels, height, width] averaged to [n, grid * grid, channels], row by row.

    Raises UserError where the map is smaller than the grid.
    """
    side = min(maps.shape[-2:])
    if grid > side:
        raise UserError(
            f"a grid of {grid} x {grid} was asked for, but images of this size give {side} x {side} features",
            f"use larger images, or a grid of {side} at most",
        )
    return F.adaptive_avg_pool2d(maps, grid).flatten(2).transpose(1, 2).float().contiguous()
