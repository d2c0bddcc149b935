"""The folder of the EfficientNet-Lite0 that is converted from a wheel. Does not import torch."""

import hashlib
from pathlib import Path

from xstilts.encoders import find_card

_CODE_VERSION = 1
"""Increase it when the conversion writes different files."""


def folder(cache: Path) -> Path:
    """The folder of the converted encoder, whether it exists yet or not; `prepare_vision` creates it."""
    (wheel,) = find_card("efficientnet-lite0").wheels
    pins = f"{wheel.sha256} {_CODE_VERSION}"
    return cache / "encoders" / f"efficientnet-lite0-{hashlib.sha256(pins.encode()).hexdigest()[:12]}"
