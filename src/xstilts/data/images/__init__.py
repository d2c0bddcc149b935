"""Images by reference, wherever they lie. No torch."""

from xstilts.data.images.decode import open_image
from xstilts.data.images.places import Places
from xstilts.data.images.read import read_bytes

__all__ = ["Places", "open_image", "read_bytes"]
