"""Decodes images to RGB on a white background; truncated files are errors."""

import io
import re

from PIL import Image, ImageOps

from xstilts.data.images.locations import ImageLocations, split_reference
from xstilts.data.images.read import read_bytes
from xstilts.data.images.svg import rasterise
from xstilts.errors import ImageError, UserError

MAX_PIXELS = 80_000_000
"""The largest number of pixels that is decoded, independent of Pillow's own limit."""
_DEFAULT_SIDE = 256
"""Longer side of a rendered drawing if no size is given."""
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "AVIF")
"""Formats that Pillow reads without external programs."""
_SVG = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|!DOCTYPE|svg|[\w.-]+:svg)", re.IGNORECASE)
_WHITE = (255, 255, 255)


def open_image(reference: str, locations: ImageLocations, size: int | None = None) -> Image.Image:
    """The fully decoded image in RGB, rotated upright, with transparent parts white.

    `size` is the longer side for images without a natural size: drawings and handwritten digits. For animations, the
    first frame is returned. Raises ImageError if there is no image, or it is truncated or too large.
    """
    return image_from_bytes(read_bytes(reference, locations), reference, size)


def image_from_bytes(data: bytes, reference: str, size: int | None = None) -> Image.Image:
    """Decode the bytes that `read_bytes` returned for a reference, like `open_image`."""
    image = decode(data, reference, size)
    if split_reference(reference)[0] == "digits":
        side = size or _DEFAULT_SIDE
        return image.resize((side, side), Image.Resampling.BICUBIC)
    return image


def decode(data: bytes, reference: str, size: int | None = None) -> Image.Image:
    """Decode an image like `open_image`; `reference` is used in error messages only."""
    try:
        if _SVG.match(data):
            data = rasterise(data.decode("utf-8"), reference, size or _DEFAULT_SIDE)
        Image.init()
        with Image.open(io.BytesIO(data), formats=[name for name in _FORMATS if name in Image.OPEN]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _too_many_pixels(reference, f"{image.width:,} x {image.height:,} pixels")
            image.load()
            return _on_white(_upright(image))
    except UserError:
        raise
    except Image.UnidentifiedImageError:
        raise ImageError(
            f"{reference} is not an image of a known format", f"known formats: {', '.join(_FORMATS)}, SVG"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(reference, str(error)) from None
    except Exception as error:  # decoders raise many types for damaged files
        raise ImageError(f"{reference} is damaged: {error}", "download it again") from None


def _too_many_pixels(reference: str, size: str) -> ImageError:
    return ImageError(f"{reference} is too large: {size}; the limit is {MAX_PIXELS:,} pixels", "make it smaller")


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the pixels are valid even if the EXIF data are not
        return image


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":
        image = image.convert("I").point(lambda shade: shade / 257).convert("L")
    if image.mode == "F":
        raise ValueError("it has floating-point pixels")
    if not image.has_transparency_data:
        return image.convert("RGB")
    foreground = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", foreground.size, (*_WHITE, 255)), foreground).convert("RGB")
