"""Loads a vision encoder by name."""

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
    """A frozen image encoder. It is deterministic: equal batches give bit-identical features."""

    channels: int
    filter: Image.Resampling
    """Resampling filter for resizing."""

    def features(self, images: Sequence[Image.Image], size: int, grid: int) -> Tensor:
        """[n, grid * grid, channels] float32 on the CPU, in row-major order of the grid.

        Images are resized to size x size. The last feature map, without class tokens, is average-pooled to the grid.
        Raises UserError if the map is smaller than the grid, or the encoder does not support the size.
        """
        ...


def load_vision(name: str, *, cache: Path, offline: bool, revision: str | None = None) -> Vision:
    """The vision encoder `name`, or the vision half of `TEXT+VISION`; `revision` is a Hub revision.

    Raises UserError if it is not a vision encoder, SourceError if it cannot be fetched, DataError if weights are
    missing.
    """
    folder = prepare_vision(name, cache=cache, offline=offline, revision=revision)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if config.get("model_type") == MODEL_TYPE:
        return Lite0(folder)
    if "architecture" in config and "model_type" not in config:
        return TimmBackbone(folder, config)
    return Backbone(folder)
