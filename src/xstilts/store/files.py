"""Names of files in artifacts, and names used in facts."""

ITEMS_FILE = "items.parquet"
"""Statistics per item."""

MASKED_TEXTS = "masked texts"
"""Name of the texts of masked-language modelling in `LeakFacts.unchecked`."""

IMAGES_OF = "images of "
"""Prefix in `LeakFacts.unchecked` for images that cannot be mapped to those of another task."""

CURVE_FILE = "layers.parquet"
"""Retrieval accuracy by layer and pooling: columns language, layer, pooling, value."""
