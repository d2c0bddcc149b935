"""Pictures that a test can draw: deterministic, and of something that a network of photographs may name."""

import numpy as np
from PIL import Image, ImageDraw


def _ball() -> Image.Image:
    """An orange ball on green, drawn large and made smaller."""
    picture = Image.new("RGB", (300, 260), (70, 130, 60))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((70, 50, 230, 210), fill=(240, 140, 20))
    pen.ellipse((105, 80, 150, 120), fill=(255, 190, 90))
    return picture


def _stripes() -> Image.Image:
    """Slanted black and white stripes."""
    rows, columns = np.mgrid[0:240, 0:240]
    dark = ((columns + rows // 3) // 20) % 2
    return Image.fromarray((dark * 220 + 20).astype(np.uint8)).convert("RGB")


def _web() -> Image.Image:
    """Rings and spokes in grey on blue."""
    picture = Image.new("RGB", (256, 256), (40, 60, 110))
    pen = ImageDraw.Draw(picture)
    for radius in range(12, 130, 16):
        pen.ellipse((128 - radius, 128 - radius, 128 + radius, 128 + radius), outline=(210, 210, 215), width=2)
    for x, y in ((0, 0), (128, 0), (255, 0), (255, 128), (255, 255), (128, 255), (0, 255), (0, 128)):
        pen.line((128, 128, x, y), fill=(210, 210, 215), width=2)
    return picture


DRAWINGS = {"ball": _ball, "stripes": _stripes, "web": _web}
