"""The image encoder of a dual encoder: one pooled state for each image, before it is projected."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, PreTrainedConfig

from xstilts.errors import DataError
from xstilts.models.dual.model import read_dual
from xstilts.models.heads import quiet, read_config


class DualVision:
    """Frozen. Images are resized, cropped and normalised by the folder's own processor, in its Pillow form.

    Raises UserError where the folder holds no dual encoder, DataError where it does not say how images are prepared.
    """

    def __init__(self, folder: Path) -> None:
        config = read_config(folder)
        whole: Any = read_dual(folder, config)
        self._model = whole.vision_model.eval().requires_grad_(False)
        self._prepare: Any = _processor(folder)
        self.channels: int = config.vision_config.hidden_size

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
    patches = getattr(vision, "num_patches", 0)
    side = getattr(vision, "image_size", None) or int(patches**0.5) * vision.patch_size
    return int(side[0] if isinstance(side, list | tuple) else side)


def preparation_of(folder: Path) -> dict[str, Any]:
    """What the processor in `folder` does with an image, as it states it itself."""
    return _processor(folder).to_dict()


def _processor(folder: Path) -> Any:
    try:
        with quiet():
            return AutoImageProcessor.from_pretrained(
                folder, backend="pil", local_files_only=True, trust_remote_code=False
            )
    except (OSError, ValueError, ImportError) as error:
        raise DataError(
            f"{folder} does not say how images are prepared: {str(error).strip().partition(chr(10))[0]}",
            "it needs the preprocessor_config.json of its publisher",
        ) from error
