"""Pictures that ship inside wheels: emoji as drawings, handwritten digits as tables of grey."""

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
from xstilts.data.images.places import ImageLocations
from xstilts.errors import ImageError
from xstilts.tasks import _pictures


def openmoji(name: str, places: ImageLocations) -> bytes:
    """The source of a drawing, SVG. Raises ImageError where there is none of that name."""
    try:
        return _archive(_path(_pictures.OPENMOJI, places), os.getpid()).read(
            f"{_pictures.OPENMOJI_DRAWINGS}/{name}.svg"
        )
    except KeyError:
        hint = "names are the code points of an emoji, as in openmoji:1F600"
        raise ImageError(f"{_pictures.OPENMOJI.uri} has no drawing {name!r}", hint) from None


def digit(name: str, places: ImageLocations) -> bytes:
    """A digit as PNG of 8 x 8 pixels, dark on white. Raises ImageError where there is no such row."""
    table = _digits(_path(_pictures.DIGITS, places))
    if not name.isascii() or not name.isdigit() or int(name) >= len(table):
        raise ImageError(f"{_pictures.DIGITS.uri} has no digit {name!r}", f"rows are 0 to {len(table) - 1}")
    shades = np.rint(255 - table[int(name)].astype(np.float64) * 255 / 16).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(shades).save(file, "png")
    return file.getvalue()


def _path(wheel: Wheel, places: ImageLocations) -> Path:
    return wheel_path(wheel, cache=places.cache, offline=places.offline)


@lru_cache(maxsize=2)
def _archive(path: Path, process: int) -> zipfile.ZipFile:
    """Opened once by each process: to read its directory takes longer than a drawing."""
    return zipfile.ZipFile(path)


@lru_cache(maxsize=1)
def _digits(path: Path) -> npt.NDArray[np.uint8]:
    with zipfile.ZipFile(path) as archive:
        lines = gzip.decompress(archive.read(_pictures.DIGITS_TABLE)).decode().splitlines()
    rows = [[int(float(number)) for number in line.split(",")[:64]] for line in lines]
    return np.array(rows, dtype=np.uint8).reshape(-1, 8, 8)
