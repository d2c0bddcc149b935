"""The image encoder of a dual encoder: one pooled state for each image, before it is projected."""

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
    """Frozen. Images are resized, cropped and normalised by the folder's own processor, in its Pillow form.

    Raises UserError where the folder holds no dual encoder, DataError where it does not say how images are prepared.
    """

    def __init__(self, folder: Path) -> None:
        config = read_config(folder)
        whole: Any = read_dual(folder, config)
        self._model = whole.vision_model.eval().requires_grad_(False)
        self._prepare: Any = _processor(folder)
        self.filter = Image.Resampling(self._prepare.resample)
        self.channels: int = config.vision_config.hidden_size

    def small(self, picture: Image.Image) -> Image.Image:
        """The picture resized and cropped, which `features` then leaves as it is; one for an encoder that takes any
        shape stays as large as it is."""
        prepared = self._prepare(images=[picture.convert("RGB")], do_rescale=False, do_normalize=False)
        (shades,) = prepared["pixel_values"]
        return Image.fromarray(np.moveaxis(shades, 0, -1).astype(np.uint8)) if shades.ndim == 3 else picture

    @torch.no_grad()
    def features(self, images: Sequence[Image.Image], size: int, grid: int) -> Tensor:
        """[n, 1, channels] float32; the size is the processor's, and there is one place, whatever is asked for."""
        inputs = self._prepare(images=[image.convert("RGB") for image in images], return_tensors="pt")
        pooled = self._model(**inputs).pooler_output
        if pooled is None:
            raise DataError("the image encoder gives no pooled state of an image", "use another dual encoder")
        return pooled.float()[:, None]


def side_of(config: PreTrainedConfig) -> int:
    """Pixels of an image's sides as the image encoder sees it; of one that takes any shape, those of a square."""
    vision = config.vision_config
    side = getattr(vision, "image_size", None)
    if side is None:
        side = int(vision.num_patches**0.5) * vision.patch_size
    return int(side[0] if isinstance(side, list | tuple) else side)


def preparation_of(folder: Path) -> dict[str, Any]:
    """What the processor in `folder` does with an image, as it states it itself."""
    return _processor(folder).to_dict()


def _processor(folder: Path) -> Any:
    options = {"backend": "pil", "local_files_only": True, "trust_remote_code": False}
    try:
        with quiet():
            return AutoImageProcessor.from_pretrained(folder, **options)
    except (OSError, ValueError, ImportError) as error:
        raise DataError(
            f"{folder} does not say how images are prepared: {str(error).strip().partition(chr(10))[0]}",
            "it needs the preprocessor_config.json of its publisher",
        ) from error
