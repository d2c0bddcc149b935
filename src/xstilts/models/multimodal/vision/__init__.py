"""Frozen image encoders."""

from xstilts.models.multimodal.vision.load import Vision, load_vision
from xstilts.models.multimodal.vision.prepare import prepare_vision

__all__ = ["Vision", "load_vision", "prepare_vision"]
