"""Files that stages leave in their artifacts, and names that stand in their facts."""

ITEMS_FILE = "items.parquet"


MASKED_TEXTS = "masked texts"
"""What stands for the texts of masked-language modelling among what could not be checked."""


IMAGES_OF = "images of "
"""How what could not be checked begins where it is images of two tasks that cannot be mapped to each other."""


CURVE_FILE = "layers.parquet"
"""Retrieval accuracy by layer and pooling: columns language, layer, pooling, value."""
