"""Vision backbones of transformers and timm, frozen: their last map of features, tokens laid out as a square.

Images are prepared from numbers in the checkpoint's own configuration, so that torchvision is not needed.
"""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from math import isqrt
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from xstilts.errors import DataError, UserError
from xstilts.models.heads import load_backbone
from xstilts.models.multimodal.vision.pixels import Preparation, on_grid


class Backbone:
    """An image model of transformers, or the image half of a dual encoder.

    Raises UserError where the folder holds a model that reads no images, DataError where it is not whole.
    """

    def __init__(self, folder: Path) -> None:
        whole = load_backbone(folder)
        model = getattr(whole, "vision_model", whole)
        taken = inspect.signature(model.forward).parameters
        if "pixel_values" not in taken or "spatial_shapes" in taken:
            raise UserError(
                f"{folder} holds a {whole.config.model_type}, which reads no images of a fixed shape",
                "name a vision backbone, such as a ViT, Swin, ConvNeXt or DINOv2, or a CLIP or SigLIP",
            )
        self._model: nn.Module = model.requires_grad_(False)
        self._config = model.config
        self._stretches = "interpolate_pos_encoding" in taken
        self._preparation = read_preparation(folder)
        self.filter = self._preparation.filter
        self.channels: int = getattr(self._config, "hidden_size", None) or self._config.hidden_sizes[-1]

    @torch.no_grad()
    def features(self, images: Sequence[Image.Image], size: int, grid: int) -> Tensor:
        """[n, grid * grid, channels] float32. Raises UserError for a size that the model cannot read."""
        trained = _first(getattr(self._config, "image_size", size))
        stretch = {"interpolate_pos_encoding": True} if self._stretches and size != trained else {}
        pixels = self._preparation(images, size)
        found = _read(lambda: self._model(pixels, **stretch), size, trained)
        patch = _first(getattr(self._config, "patch_size", 0))
        return on_grid(as_map(found.last_hidden_state, size // patch if patch else 0), grid)


class TimmBackbone:
    """An image model of timm, from a repository or folder in timm's layout.

    Raises UserError where timm cannot be imported (it needs torchvision), DataError where the folder is not whole.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        from safetensors.torch import load_file

        try:
            import timm  # pyright: ignore[reportMissingImports]
        except (ImportError, RuntimeError) as error:  # the latter where torchvision was built for another torch
            raise UserError(
                f"{folder} holds a model of timm, which cannot be imported: {error}",
                "install it with its torchvision: pip install 'xstilts[timm]'",
            ) from None
        shown = config.get("pretrained_cfg", config)
        model = timm.create_model(config["architecture"], num_classes=0, **config.get("model_args") or {})
        lost = model.load_state_dict(load_file(folder / "model.safetensors"), strict=False).missing_keys
        if lost:
            raise DataError(f"{folder} lacks {len(lost)} tensors, such as {min(lost)}", "fetch it again")
        self._model = model.eval().requires_grad_(False)
        resample = Image.Resampling[str(shown.get("interpolation", "bicubic")).upper()]
        self._preparation = Preparation(mean=tuple(shown["mean"]), std=tuple(shown["std"]), filter=resample)
        self.filter = self._preparation.filter
        self._trained = int(shown["input_size"][-1])
        self.channels: int = model.num_features

    @torch.no_grad()
    def features(self, images: Sequence[Image.Image], size: int, grid: int) -> Tensor:
        """[n, grid * grid, channels] float32. Raises UserError for a size that the model cannot read."""
        pixels = self._preparation(images, size)
        if size != self._trained and hasattr(self._model, "set_input_size"):
            self._model.set_input_size(img_size=size)
            self._trained = size
        found = _read(lambda: self._model.forward_features(pixels), size, self._trained)
        if found.ndim == 4 and found.shape[1] != self.channels:
            found = found.permute(0, 3, 1, 2)
        if found.ndim == 3:
            found = found[:, getattr(self._model, "num_prefix_tokens", 0) :]
        return on_grid(as_map(found, 0), grid)


def as_map(found: Tensor, side: int) -> Tensor:
    """A map [n, channels, height, width] as it is; tokens [n, tokens, channels] as the square that they are.

    The last side * side tokens where there are so many (what comes before them are class tokens and registers), else
    all of them. Raises DataError where those are no square.
    """
    if found.ndim == 4:
        return found
    count = found.shape[1]
    if not side or side * side > count:
        side = isqrt(count)
        if side * side != count:
            raise DataError(f"the model gives {count} tokens, which are no square", "use another vision encoder")
    return found[:, count - side * side :].transpose(1, 2).unflatten(2, (side, side))


def read_preparation(folder: Path) -> Preparation:
    """How the model of a folder wants its images. Raises DataError where the folder does not say."""
    for name in ("preprocessor_config.json", "processor_config.json"):
        if (path := folder / name).is_file():
            stated = json.loads(path.read_text(encoding="utf-8"))
            stated = stated.get("image_processor", stated)
            return _preparation(stated, path)
    raise DataError(
        f"{folder} does not say how images are prepared", "it needs the preprocessor_config.json of its publisher"
    )


def _preparation(stated: Mapping[str, Any], path: Path) -> Preparation:
    scale = float(stated.get("rescale_factor", 1 / 255)) if stated.get("do_rescale", True) else 1.0
    resample = Image.Resampling(stated.get("resample") or Image.Resampling.BILINEAR)
    if not stated.get("do_normalize", True):
        return Preparation(mean=(0.0,) * 3, std=(1.0,) * 3, scale=scale, filter=resample)
    if "image_mean" not in stated or "image_std" not in stated:
        raise DataError(f"{path} states no image_mean and image_std", "copy it from the model's publisher")
    mean, std = (tuple(map(float, stated[name])) for name in ("image_mean", "image_std"))
    return Preparation(mean=mean, std=std, scale=scale, filter=resample)


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, list | tuple) else value)


def _read(run: Callable[[], Any], size: int, trained: int) -> Any:
    try:
        return run()
    except (ValueError, RuntimeError, AssertionError) as error:
        raise UserError(
            f"the vision encoder cannot read images of {size} x {size} pixels: {str(error).partition(chr(10))[0]}",
            f"it was trained with {trained}",
        ) from error
