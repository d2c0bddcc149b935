"""Decoding of valid, unusual and damaged files."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from xstilts.data.images.decode import MAX_PIXELS, decode
from xstilts.errors import ImageError

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><rect width="20" height="20" fill="#f00"/>{}</svg>'


def photo(width: int = 61, height: int = 43) -> Image.Image:
    """Random noise."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "bmp", "tiff", "ppm"])
def test_lossless_formats_round_trip(kind: str):
    assert decode(encoded(photo(), kind), "a:b").tobytes() == photo().tobytes()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("png", {}),
        ("jpeg", {}),
        ("jpeg", {"progressive": True}),
        ("gif", {}),
        ("webp", {}),
        ("webp", {"lossless": True}),
        ("tiff", {"compression": "tiff_lzw"}),
        ("tiff", {}),
        ("bmp", {}),
        ("ppm", {}),
    ],
)
@pytest.mark.parametrize("part", [0.0, 0.02, 0.3, 0.6, 0.9])
def test_truncated_files_are_rejected(kind: str, options: dict[str, object], part: float):
    whole = encoded(photo(), kind, **options)
    assert decode(whole, "a:b").size == (61, 43)
    with pytest.raises(ImageError, match="flickr30k:7"):
        decode(whole[: int(part * len(whole))], "flickr30k:7")


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header states a huge size."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [MAX_PIXELS // 10_000 + 1, 14_000, 1_000_000])
@pytest.mark.parametrize("limit", [None, 1000, Image.MAX_IMAGE_PIXELS])
def test_too_many_pixels_are_rejected_before_decoding(side: int, limit: int | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ImageError, match=f"coco:9 .*{MAX_PIXELS:,}"):
        decode(bomb(10_000, side), "coco:9")


@pytest.mark.parametrize("data", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<html><body>404</body></html>"])
def test_data_without_an_image_is_rejected(data: bytes):
    with pytest.raises(ImageError, match="wit:x"):
        decode(data, "wit:x")


def test_transparent_pixels_become_white():
    clear = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    clear.putpixel((1, 0), (0, 0, 0, 128))
    assert [decode(encoded(clear, "png"), "a:b").getpixel((x, 0)) for x in (0, 1)] == [(255,) * 3, (127,) * 3]
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([9, 9, 9, 200, 0, 0])
    palette.putpixel((1, 0), 1)
    shown = decode(encoded(palette, "png", transparency=0), "a:b")
    assert [shown.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (200, 0, 0)]


def test_16_bits_become_8():
    shades = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    for kind in ("png", "tiff"):
        grey = decode(encoded(Image.fromarray(shades), kind), "a:b")
        assert [grey.getpixel((x, 0)) for x in range(4)] == [(0,) * 3, (1,) * 3, (128,) * 3, (255,) * 3]


def test_cmyk_becomes_rgb():
    inks = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red, green, blue = decode(encoded(inks, "jpeg", quality=95), "a:b").getpixel((4, 4))
    assert red > 240 and green < 15 and blue < 15


def test_exif_rotation_is_applied():
    notes = Image.Exif()
    notes[0x0112] = 6
    turned = decode(encoded(photo(), "png", exif=notes), "a:b")
    assert turned.size == (43, 61)
    assert turned.tobytes() == photo().transpose(Image.Transpose.ROTATE_270).tobytes()


def test_animations_return_their_first_frame():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "gif", save_all=True, append_images=frames[1:])
    assert decode(data, "a:b").getpixel((0, 0)) == (255, 0, 0)


def test_an_svg_fits_the_size_on_white():
    shown = decode(SVG.format("").encode(), "a:b", 64)
    assert shown.size == (64, 32)
    assert (shown.getpixel((5, 5)), shown.getpixel((60, 5))) == ((255, 0, 0), (255, 255, 255))


def test_an_svg_with_a_huge_size_is_rendered():
    vast = b'<svg xmlns="http://www.w3.org/2000/svg" width="100000" height="100000"><rect width="9" height="9"/></svg>'
    assert decode(vast, "a:b", 32).size == (32, 32)


def test_an_svg_cannot_read_local_files(tmp_path):
    Image.new("RGB", (8, 8), "blue").save(tmp_path / "secret.png")
    linked = f'<image href="{tmp_path}/secret.png" x="20" width="20" height="20"/>'
    assert decode(SVG.format(linked).encode(), "a:b", 64).getpixel((50, 16)) == (255, 255, 255)


def test_a_truncated_svg_is_rejected():
    with pytest.raises(ImageError, match="wit:y"):
        decode(SVG.format("").encode()[:60], "wit:y")
