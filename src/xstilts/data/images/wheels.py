"""Images that ship in wheels: emoji as SVG drawings, handwritten digits as tables of grey values."""

import gzip
import io
import os
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from xstilts.cache.sources import Wheel
from xstilts.cache.wheels import wheel_path
from xstilts.data.images.locations import ImageLocations
from xstilts.errors import ImageError
from xstilts.tasks import _image_wheels


def openmoji(name: str, locations: ImageLocations) -> bytes:
    """The SVG source of a drawing. Raises ImageError if there is no drawing of that name."""
    try:
        return _archive(_path(_image_wheels.OPENMOJI, locations), os.getpid()).read(
            f"{_image_wheels.OPENMOJI_DRAWINGS}/{name}.svg"
        )
    except KeyError:
        hint = "use the code points of an emoji, such as openmoji:1F600"
        raise ImageError(f"{_image_wheels.OPENMOJI.uri} has no drawing {name!r}", hint) from None


def digit(name: str, locations: ImageLocations) -> bytes:
    """A digit as a PNG of 8 x 8 pixels, dark on white. Raises ImageError for an unknown row."""
    table = _digits(_path(_image_wheels.DIGITS, locations))
    if not name.isascii() or not name.isdigit() or int(name) >= len(table):
        raise ImageError(f"{_image_wheels.DIGITS.uri} has no digit {name!r}", f"rows are 0 to {len(table) - 1}")
    gray = np.rint(255 - table[int(name)].astype(np.float64) * 255 / 16).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(gray).save(file, "png")
    return file.getvalue()


def _path(wheel: Wheel, locations: ImageLocations) -> Path:
    return wheel_path(wheel, cache=locations.cache, offline=locations.offline)


@lru_cache(maxsize=2)
def _archive(path: Path, process: int) -> zipfile.ZipFile:
    """The open wheel, once per process: reading its directory takes longer than reading a drawing."""
    return zipfile.ZipFile(path)


@lru_cache(maxsize=1)
def _digits(path: Path) -> npt.NDArray[np.uint8]:
    with zipfile.ZipFile(path) as archive:
        lines = gzip.decompress(archive.read(_image_wheels.DIGITS_TABLE)).decode().splitlines()
    rows = [[int(float(number)) for number in line.split(",")[:64]] for line in lines]
    return np.array(rows, dtype=np.uint8).reshape(-1, 8, 8)
