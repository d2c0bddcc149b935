"""Reads the bytes of an image by its reference."""

from pathlib import Path

from xstilts.data.images import folders, tables, web, wheels
from xstilts.data.images.locations import ImageLocations, read_file, split_reference
from xstilts.errors import ImageError


def read_bytes(reference: str, locations: ImageLocations) -> bytes:
    """The bytes as published; SVG source for emoji, a PNG made from the pixel table for digits.

    Raises ImageError if the image is missing, SourceError if its wheel cannot be downloaded.
    """
    collection, name = split_reference(reference)
    match collection:
        case "openmoji":
            return wheels.openmoji(name, locations)
        case "digits":
            return wheels.digit(name, locations)
        case "file":
            return read_file(Path(name), reference)
        case "parquet":
            return tables.read_parquet_image(name, reference)
        case "http" | "https":
            return web.read_url(reference, reference, locations)
        case "wit" if locations.root is None or folders.image_file(collection, name, locations.root) is None:
            return web.read_url(name, reference, locations)
        case _ if collection in folders.local_collections():
            return folders.read_collection_image(collection, name, locations)
    known = ", ".join(("openmoji", "digits", "file", "parquet", "http", "https", *folders.local_collections()))
    raise ImageError(f"{reference!r} is of an unknown image collection", f"known collections: {known}")
