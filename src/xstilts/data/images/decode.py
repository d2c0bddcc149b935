"""Bytes made into pictures: RGB on white, whole or not at all."""

import io
import re

from PIL import Image, ImageOps

from xstilts.data.images.places import ImageLocations, split_reference
from xstilts.data.images.read import read_bytes
from xstilts.errors import ImageError

MAX_PIXELS = 80_000_000
"""Pixels of a picture that is still decoded; below Pillow's own limit, whatever that is set to."""
_SIDE = 256
"""Longer side of a drawing where no size is asked for."""
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "AVIF")
"""Those that Pillow reads without another program."""
_DRAWING = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|!DOCTYPE|svg|[\w.-]+:svg)", re.IGNORECASE)
_LINK = re.compile(r"""(href\s*=\s*["'])(?!\s*(?:data:|\#))""")
_WHITE = (255, 255, 255)


def open_image(reference: str, places: ImageLocations, size: int | None = None) -> Image.Image:
    """The picture in RGB, upright, transparent parts white, all of it decoded.

    `size` is the longer side of what has no size of its own: drawings and handwritten digits. Of an animation it is
    the first picture. Raises ImageError where there is no picture, a part of one, or one of too many pixels.
    """
    return picture_of(read_bytes(reference, places), reference, size)


def picture_of(data: bytes, reference: str, size: int | None = None) -> Image.Image:
    """The picture of bytes that `read_bytes` gave for a reference, as `open_image` gives it."""
    picture = decode(data, reference, size)
    if split_reference(reference)[0] == "digits":
        side = size or _SIDE
        return picture.resize((side, side), Image.Resampling.BICUBIC)
    return picture


def decode(data: bytes, reference: str, size: int | None = None) -> Image.Image:
    """The picture that bytes hold, as `open_image` gives it; `reference` names it in errors."""
    try:
        if _DRAWING.match(data):
            data = _drawn(data.decode("utf-8"), size or _SIDE)
        with Image.open(io.BytesIO(data), formats=_known_formats()) as picture:
            _check_pixels(picture, reference)
            picture.load()
            return _on_white(_upright(picture))
    except ImageError:
        raise
    except Image.UnidentifiedImageError:
        raise ImageError(
            f"{reference} is no image of a known format", f"known are {', '.join(_FORMATS)}, SVG"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many(reference, str(error)) from None
    except Exception as error:  # what decoders raise for damaged files is of many kinds
        raise ImageError(f"{reference} is damaged: {error}", "fetch it again") from None


def _known_formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _check_pixels(picture: Image.Image, reference: str) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_many(reference, f"{picture.width:,} x {picture.height:,} pixels")


def _too_many(reference: str, what: str) -> ImageError:
    return ImageError(f"{reference} is too large: {what}; decoded are {MAX_PIXELS:,} at most", "make it smaller")


def _drawn(source: str, side: int) -> bytes:
    """PNG of an SVG that fits a square; links to other files are cut, so that it shows nothing of this machine.

    Both sides are always given: of a drawing that states a vast size, the renderer would abort the process.
    """
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=_LINK.sub(r"\1#", source), width=side, height=side))


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # the picture is whole even where the notes about it are not
        return picture


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16") or picture.mode == "I":
        picture = picture.convert("I").point(lambda shade: shade / 257).convert("L")
    if picture.mode == "F":
        raise ValueError("its shades are fractions")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    above = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", above.size, (*_WHITE, 255)), above).convert("RGB")
