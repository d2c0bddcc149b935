"""The bytes behind a reference."""

from pathlib import Path

from xstilts.data.images import folders, tables, web, wheels
from xstilts.data.images.places import Places, parted, read_file
from xstilts.errors import ImageError


def read_bytes(reference: str, places: Places) -> bytes:
    """The bytes as they were published: a drawing's source for emoji, a PNG made of the table for digits.

    Raises ImageError where there are none, SourceError where a wheel that should hold them cannot be had.
    """
    collection, name = parted(reference)
    match collection:
        case "openmoji":
            return wheels.openmoji(name, places)
        case "digits":
            return wheels.digit(name, places)
        case "file":
            return read_file(Path(name), reference)
        case "parquet":
            return tables.read(name, reference)
        case "http" | "https":
            return web.read(reference, reference, places)
        case "wit" if places.root is None or folders.find(collection, name, places.root) is None:
            return web.read(name, reference, places)
        case _ if collection in folders.collections():
            return folders.read(collection, name, places)
    known = ", ".join(("openmoji", "digits", "file", "parquet", "http", "https", *folders.collections()))
    raise ImageError(f"{reference!r} names an unknown collection of images", f"there are {known}")
