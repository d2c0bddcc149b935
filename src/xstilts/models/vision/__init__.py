"""Frozen encoders of images."""

from xstilts.models.vision.load import Vision, load_vision
from xstilts.models.vision.prepare import prepare_vision

__all__ = ["Vision", "load_vision", "prepare_vision"]
