"""The bytes behind a reference."""

from pathlib import Path

from xstilts.data.images import folders, tables, web, wheels
from xstilts.data.images.places import ImageLocations, split_reference, read_file
from xstilts.errors import ImageError


def read_bytes(reference: str, places: ImageLocations) -> bytes:
    """The bytes as they were published: a drawing's source for emoji, a PNG made of the table for digits.

    Raises ImageError where there are none, SourceError where a wheel that should hold them cannot be had.
    """
    collection, name = split_reference(reference)
    match collection:
        case "openmoji":
            return wheels.openmoji(name, places)
        case "digits":
            return wheels.digit(name, places)
        case "file":
            return read_file(Path(name), reference)
        case "parquet":
            return tables.read_parquet_image(name, reference)
        case "http" | "https":
            return web.read_url(reference, reference, places)
        case "wit" if places.root is None or folders.image_file(collection, name, places.root) is None:
            return web.read_url(name, reference, places)
        case _ if collection in folders.collections():
            return folders.read_collection_image(collection, name, places)
    known = ", ".join(("openmoji", "digits", "file", "parquet", "http", "https", *folders.collections()))
    raise ImageError(f"{reference!r} names an unknown collection of images", f"there are {known}")
