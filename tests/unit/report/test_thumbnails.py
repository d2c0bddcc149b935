import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from xstilts.data.images import ImageLocations
from xstilts.report.thumbnails import MAX_SIDE, Thumbnails, data_uri


def _opened(source: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))


def test_thumbnails_are_small_and_keep_their_aspect_ratio() -> None:
    image = _opened(data_uri(Image.new("RGB", (400, 100), "red")))
    assert image.size == (MAX_SIDE, MAX_SIDE // 4)
    assert image.convert("RGB").getpixel((3, 3)) == (255, 0, 0)


def test_drawings_are_png_and_photos_jpeg() -> None:
    noise = np.random.default_rng(0).normal(128, 40, (120, 120, 3)).clip(0, 255).astype(np.uint8)
    assert data_uri(Image.new("RGB", (64, 64), "blue")).startswith("data:image/png;base64,")
    assert data_uri(Image.fromarray(noise)).startswith("data:image/jpeg;base64,")


def test_an_unreadable_image_gives_the_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nno more")
    thumbnails = Thumbnails(places=ImageLocations(cache=tmp_path, offline=True))
    for reference in (f"file:{broken}", f"file:{tmp_path / 'gone.png'}", "http://localhost/a.png", "nowhere:1"):
        thumbnail = thumbnails.of(reference)
        assert thumbnail.source == "" and thumbnail.tooltip and "\n" not in thumbnail.tooltip
        assert thumbnails.of(reference) is thumbnail
