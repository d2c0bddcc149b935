"""The vision encoder that a name means."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from PIL import Image
from torch import Tensor

from xstilts.models.multimodal.vision.backbones import Backbone, TimmBackbone
from xstilts.models.multimodal.vision.efficientnet import MODEL_TYPE, Lite0
from xstilts.models.multimodal.vision.prepare import prepare_vision


class Vision(Protocol):
    """A frozen encoder of images. The same images in batches of the same size give the same bits."""

    channels: int
    filter: Image.Resampling
    """With which images are resized."""

    def features(self, images: Sequence[Image.Image], size: int, grid: int) -> Tensor:
        """[n, grid * grid, channels] float32 on the CPU, the places row by row.

        Images are resized to size x size, and the last map of features is averaged to the grid; class tokens are left
        out. Raises UserError where the map is smaller than the grid, or the encoder cannot read the size.
        """
        ...


def load_vision(name: str, *, cache: Path, offline: bool, revision: str | None = None) -> Vision:
    """The vision encoder of that name, or the vision half of `TEXT+VISION`; `revision` is one of the Hub.

    Raises UserError if the name is none, SourceError if it cannot be fetched, DataError if it is not whole.
    """
    folder = prepare_vision(name, cache=cache, offline=offline, revision=revision)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if config.get("model_type") == MODEL_TYPE:
        return Lite0(folder)
    if "architecture" in config and "model_type" not in config:
        return TimmBackbone(folder, config)
    return Backbone(folder)
