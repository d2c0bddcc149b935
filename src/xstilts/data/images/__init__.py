"""Opens images by reference, from files, wheels, Parquet or the web. Imports no torch."""

from typing import TYPE_CHECKING

from xstilts.data.images.locations import ImageLocations

if TYPE_CHECKING:
    from xstilts.data.images.decode import open_image
    from xstilts.data.images.read import read_bytes

__all__ = ["ImageLocations", "open_image", "read_bytes"]

_MODULES = {"open_image": "decode", "read_bytes": "read"}


def __getattr__(name: str) -> object:
    """Import the image readers on first use: planning does not need them."""
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
