"""Frozen vision backbones of transformers and timm, which return their last feature map.

Images are normalised as in the checkpoint's configuration, without torchvision.
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
from xstilts.models.multimodal.vision.pixels import Preparation, pool_to_grid
from xstilts.plurals import plural


class Backbone:
    """An image model of transformers, or the image tower of a dual encoder.

    Raises UserError if the model does not read images of a fixed shape, DataError if the folder lacks weights.
    """

    def __init__(self, folder: Path) -> None:
        backbone = load_backbone(folder)
        model = getattr(backbone, "vision_model", backbone)
        parameters = inspect.signature(model.forward).parameters
        if "pixel_values" not in parameters or "spatial_shapes" in parameters:
            raise UserError(
                f"{folder} has a {backbone.config.model_type} model, which does not read images of a fixed shape",
                "use a vision backbone such as ViT, Swin, ConvNeXt or DINOv2, or a CLIP or SigLIP model",
            )
        self._model: nn.Module = model.requires_grad_(False)
        self._config = model.config
        self._can_interpolate = "interpolate_pos_encoding" in parameters
        self._preparation = read_preparation(folder)
        self.filter = self._preparation.filter
        self.channels: int = getattr(self._config, "hidden_size", None) or self._config.hidden_sizes[-1]

    @torch.no_grad()
    def features(self, images: Sequence[Image.Image], size: int, grid: int) -> Tensor:
        """[n, grid * grid, channels] float32. Raises UserError if the model does not support the size."""
        trained_size = _first(getattr(self._config, "image_size", size))
        options = {"interpolate_pos_encoding": True} if self._can_interpolate and size != trained_size else {}
        pixels = self._preparation(images, size)
        output = _run(lambda: self._model(pixels, **options), size, trained_size)
        patch = _first(getattr(self._config, "patch_size", 0))
        return pool_to_grid(as_feature_map(output.last_hidden_state, size // patch if patch else 0), grid)


class TimmBackbone:
    """An image model of timm, from a folder in timm's layout.

    Raises UserError if timm (or its dependency torchvision) cannot be imported, DataError if the folder lacks weights.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        from safetensors.torch import load_file

        try:
            import timm  # pyright: ignore[reportMissingImports]
        except (ImportError, RuntimeError) as error:  # RuntimeError if torchvision was built for another torch
            raise UserError(
                f"{folder} has a timm model, but timm cannot be imported: {error}",
                "install it with a matching torchvision: pip install 'xstilts[timm]'",
            ) from None
        settings = config.get("pretrained_cfg", config)
        model = timm.create_model(config["architecture"], num_classes=0, **config.get("model_args") or {})
        missing = model.load_state_dict(load_file(folder / "model.safetensors"), strict=False).missing_keys
        if missing:
            raise DataError(f"{folder} lacks {len(missing)} tensors, such as {min(missing)}", "fetch it again")
        self._model = model.eval().requires_grad_(False)
        resample = Image.Resampling[str(settings.get("interpolation", "bicubic")).upper()]
        self._preparation = Preparation(mean=tuple(settings["mean"]), std=tuple(settings["std"]), filter=resample)
        self.filter = self._preparation.filter
        self._input_size = int(settings["input_size"][-1])
        self.channels: int = model.num_features

    @torch.no_grad()
    def features(self, images: Sequence[Image.Image], size: int, grid: int) -> Tensor:
        """[n, grid * grid, channels] float32. Raises UserError if the model does not support the size."""
        pixels = self._preparation(images, size)
        if size != self._input_size and hasattr(self._model, "set_input_size"):
            self._model.set_input_size(img_size=size)
            self._input_size = size
        output = _run(lambda: self._model.forward_features(pixels), size, self._input_size)
        if output.ndim == 4 and output.shape[1] != self.channels:
            output = output.permute(0, 3, 1, 2)
        if output.ndim == 3:
            output = output[:, getattr(self._model, "num_prefix_tokens", 0) :]
        return pool_to_grid(as_feature_map(output, 0), grid)


def as_feature_map(output: Tensor, side: int) -> Tensor:
    """Arrange tokens [n, tokens, channels] as a map [n, channels, side, side]; return a 4-dimensional map unchanged.

    Uses the last side * side tokens, after class tokens and registers, or all tokens if there are fewer or `side` is
    0. Raises DataError if their number is not a square.
    """
    if output.ndim == 4:
        return output
    count = output.shape[1]
    if not side or side * side > count:
        side = isqrt(count)
        if side * side != count:
            raise DataError(
                f"the vision encoder returns {plural(count, 'token')}, which do not form a square",
                "use another vision encoder",
            )
    return output[:, count - side * side :].transpose(1, 2).unflatten(2, (side, side))


def read_preparation(folder: Path) -> Preparation:
    """The image preparation of the model in `folder`. Raises DataError if it has no valid configuration of it."""
    for name in ("preprocessor_config.json", "processor_config.json"):
        if (path := folder / name).is_file():
            config = json.loads(path.read_text(encoding="utf-8"))
            return _preparation(config.get("image_processor", config), path)
    raise DataError(
        f"{folder} has no image processor configuration", "copy preprocessor_config.json from the original checkpoint"
    )


def _preparation(config: Mapping[str, Any], path: Path) -> Preparation:
    scale = float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0
    resample = Image.Resampling(config.get("resample") or Image.Resampling.BILINEAR)
    if not config.get("do_normalize", True):
        return Preparation(mean=(0.0,) * 3, std=(1.0,) * 3, scale=scale, filter=resample)
    if "image_mean" not in config or "image_std" not in config:
        raise DataError(f"{path} lacks image_mean or image_std", "copy the file from the original checkpoint")
    mean, std = (tuple(map(float, config[name])) for name in ("image_mean", "image_std"))
    return Preparation(mean=mean, std=std, scale=scale, filter=resample)


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, list | tuple) else value)


def _run(run: Callable[[], Any], size: int, trained_size: int) -> Any:
    try:
        return run()
    except (ValueError, RuntimeError, AssertionError) as error:
        raise UserError(
            f"the vision encoder does not support {size} x {size} pixels: {str(error).partition(chr(10))[0]}",
            f"use the size that it was trained with, {trained_size}",
        ) from error
