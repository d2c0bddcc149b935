"""Renders an SVG drawing to PNG, in the process of `svg.py`. It imports nothing of this package."""

import struct

import resvg_py


def handle(request: bytes) -> bytes:
    """The drawing as PNG. The request is the side of the square as a 32-bit integer, then the source."""
    (side,) = struct.unpack_from("<I", request)
    # width and height are always given, because the renderer aborts on drawings that state a huge size
    return bytes(resvg_py.svg_to_bytes(svg_string=request[4:].decode("utf-8"), width=side, height=side))
