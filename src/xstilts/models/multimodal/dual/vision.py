"""The image tower of a dual encoder: one pooled state per image, before the projection."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, PreTrainedConfig

from xstilts.errors import DataError
from xstilts.models.heads import quiet, read_config
from xstilts.models.multimodal.dual.model import read_dual


class DualVision:
    """The frozen image tower. The image processor of the folder (Pillow backend) resizes, crops and normalises images.

    Raises UserError if the folder has no dual encoder, DataError if it has no image processor configuration.
    """

    def __init__(self, folder: Path) -> None:
        config = read_config(folder)
        dual: Any = read_dual(folder, config)
        self._model = dual.vision_model.eval().requires_grad_(False)
        self._processor: Any = _load_processor(folder)
        self.filter = Image.Resampling(self._processor.resample)
        self.channels: int = config.vision_config.hidden_size

    def resize(self, picture: Image.Image) -> Image.Image:
        """The picture, resized and cropped as `features` does. Unchanged for an encoder with variable image shapes."""
        processed = self._processor(images=[picture.convert("RGB")], do_rescale=False, do_normalize=False)
        (pixels,) = processed["pixel_values"]
        return Image.fromarray(np.moveaxis(pixels, 0, -1).astype(np.uint8)) if pixels.ndim == 3 else picture

    @torch.no_grad()
    def features(self, images: Sequence[Image.Image], size: int, grid: int) -> Tensor:
        """[n, 1, channels] float32. `size` and `grid` are ignored: the processor has its own size."""
        inputs = self._processor(images=[image.convert("RGB") for image in images], return_tensors="pt")
        pooled = self._model(**inputs).pooler_output
        if pooled is None:
            raise DataError("the image encoder has no pooled output", "use another dual encoder")
        return pooled.float()[:, None]


def image_size(config: PreTrainedConfig) -> int:
    """The side length in pixels of the square images of the image tower; for variable shapes, of a square one."""
    vision = config.vision_config
    side = getattr(vision, "image_size", None)
    if side is None:
        side = int(vision.num_patches**0.5) * vision.patch_size
    return int(side[0] if isinstance(side, list | tuple) else side)


def image_preparation(folder: Path) -> dict[str, Any]:
    """The settings of the image processor in `folder`."""
    return _load_processor(folder).to_dict()


def _load_processor(folder: Path) -> Any:
    options = {"backend": "pil", "local_files_only": True, "trust_remote_code": False}
    try:
        with quiet():
            return AutoImageProcessor.from_pretrained(folder, **options)
    except (OSError, ValueError, ImportError) as error:
        raise DataError(
            f"cannot load the image processor of {folder}: {str(error).strip().partition(chr(10))[0]}",
            "copy preprocessor_config.json from the original checkpoint",
        ) from error
