import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from xstilts.data.images import ImageLocations
from xstilts.report.thumbnails import MAX_SIDE, Thumbnails, data_uri


def _opened(source: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))


def test_pictures_are_made_small_and_keep_their_shape() -> None:
    picture = _opened(data_uri(Image.new("RGB", (400, 100), "red")))
    assert picture.size == (MAX_SIDE, MAX_SIDE // 4)
    assert picture.convert("RGB").getpixel((3, 3)) == (255, 0, 0)


def test_drawings_are_png_and_photos_jpeg() -> None:
    noise = np.random.default_rng(0).normal(128, 40, (120, 120, 3)).clip(0, 255).astype(np.uint8)
    assert data_uri(Image.new("RGB", (64, 64), "blue")).startswith("data:image/png;base64,")
    assert data_uri(Image.fromarray(noise)).startswith("data:image/jpeg;base64,")


def test_what_cannot_be_shown_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nno more")
    made = Thumbnails(places=ImageLocations(cache=tmp_path, offline=True))
    for reference in (f"file:{broken}", f"file:{tmp_path / 'gone.png'}", "http://localhost/a.png", "nowhere:1"):
        picture = made.of(reference)
        assert picture.source == "" and picture.tooltip and "\n" not in picture.tooltip
        assert made.of(reference) is picture
