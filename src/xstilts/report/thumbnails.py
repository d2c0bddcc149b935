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
    """Thumbnails by image reference, each made once."""

    places: ImageLocations
    cache: dict[str, Thumbnail] = field(default_factory=dict)

    def of(self, reference: str) -> Thumbnail:
        """The thumbnail, or an empty one that says why it cannot be shown."""
        if reference not in self.cache:
            self.cache[reference] = self._make(reference)
        return self.cache[reference]

    def _make(self, reference: str) -> Thumbnail:
        try:
            source = data_uri(open_image(reference, self.places, MAX_SIDE))
        except (UserError, OSError) as error:
            return Thumbnail(source="", name=reference, tooltip=str(error).partition("\n")[0])
        return Thumbnail(source=source, name=reference, tooltip=reference)


def data_uri(picture: Image.Image) -> str:
    """A data URI of the image, at most `MAX_SIDE` pixels long, as PNG or JPEG, whichever is smaller."""
    small = picture.copy()
    small.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    few = small.quantize(_PNG_COLOURS, dither=Image.Dither.NONE)
    drawn, painted = _bytes(few, "PNG", optimize=True), _bytes(small, "JPEG", quality=_QUALITY, optimize=True)
    kind, content = min((("png", drawn), ("jpeg", painted)), key=lambda pair: len(pair[1]))
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _bytes(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
