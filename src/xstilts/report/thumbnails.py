"""Images made small enough to stand in the page itself."""

import base64
import io
from dataclasses import dataclass, field

from PIL import Image

from xstilts.data.images import Places, open_image
from xstilts.errors import UserError
from xstilts.report.components import Picture

SIDE = 96
"""Pixels of the longer side."""
_SHADES = 64
"""Colours of a drawing; photos come out smaller as JPEG."""
_QUALITY = 80


@dataclass(slots=True, kw_only=True)
class Thumbnails:
    """Pictures by reference, each opened once."""

    places: Places
    made: dict[str, Picture] = field(default_factory=dict)

    def of(self, reference: str) -> Picture:
        """The picture, or an empty one that says why it cannot be shown."""
        if reference not in self.made:
            self.made[reference] = self._make(reference)
        return self.made[reference]

    def _make(self, reference: str) -> Picture:
        try:
            source = uri(open_image(reference, self.places, SIDE))
        except (UserError, OSError) as error:
            return Picture(source="", name=reference, hint=str(error).partition("\n")[0])
        return Picture(source=source, name=reference, hint=reference)


def uri(picture: Image.Image) -> str:
    """A data URI of the picture, `SIDE` pixels at most, in whichever of PNG and JPEG is smaller."""
    small = picture.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    few = small.quantize(_SHADES, dither=Image.Dither.NONE)
    drawn, painted = _bytes(few, "PNG", optimize=True), _bytes(small, "JPEG", quality=_QUALITY, optimize=True)
    kind, content = min((("png", drawn), ("jpeg", painted)), key=lambda pair: len(pair[1]))
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _bytes(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
