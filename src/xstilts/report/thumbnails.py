"""Thumbnails that are embedded in the page."""

import base64
import io
from dataclasses import dataclass, field

from PIL import Image

from xstilts.data.images import ImageLocations, open_image
from xstilts.errors import UserError
from xstilts.report.components import Thumbnail

MAX_SIDE = 96
"""Longer side in pixels."""
_PNG_COLOURS = 64
"""Colours of the PNG version, which suits drawings; photos are smaller as JPEG."""
_QUALITY = 80


@dataclass(slots=True, kw_only=True)
class Thumbnails:
    """Thumbnails by image reference; each is computed once."""

    places: ImageLocations
    cache: dict[str, Thumbnail] = field(default_factory=dict)

    def of(self, reference: str) -> Thumbnail:
        """The thumbnail, or an empty one that says why it cannot be shown."""
        if reference not in self.cache:
            try:
                source, tooltip = data_uri(open_image(reference, self.places, MAX_SIDE)), reference
            except (UserError, OSError) as error:
                source, tooltip = "", str(error).partition("\n")[0]
            self.cache[reference] = Thumbnail(source=source, name=reference, tooltip=tooltip)
        return self.cache[reference]


def data_uri(image: Image.Image) -> str:
    """A data URI of the image, at most `MAX_SIDE` pixels long, as PNG or JPEG, whichever is smaller."""
    small = image.copy()
    small.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    quantized = small.quantize(_PNG_COLOURS, dither=Image.Dither.NONE)
    png, jpeg = _encode(quantized, "PNG", optimize=True), _encode(small, "JPEG", quality=_QUALITY, optimize=True)
    kind, content = min((("png", png), ("jpeg", jpeg)), key=lambda pair: len(pair[1]))
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
