"""Where images are looked for, and how a reference is taken apart."""

from dataclasses import dataclass
from pathlib import Path

from xstilts.errors import ImageError

MAX_BYTES = 64 * 2**20
"""Size of a file that is still read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLocations:
    """`root` is the folder of the benchmarks' own files; what is fetched lies in `cache`."""

    cache: Path
    offline: bool
    root: Path | None = None


def split_reference(reference: str) -> tuple[str, str]:
    """Collection and name; the collection of an address is its scheme. Raises ImageError where one is lacking."""
    collection, _, name = reference.partition(":")
    if not collection or not name:
        raise ImageError(
            f"{reference!r} names no image", "a reference is `collection:name`, `file:path` or an address of the web"
        )
    return collection, name


def read_file(path: Path, reference: str) -> bytes:
    """The content of a file. Raises ImageError where it cannot be read or is too large."""
    try:
        size = path.stat().st_size
        if size <= MAX_BYTES:
            return path.read_bytes()
    except (OSError, ValueError) as error:  # a ValueError for a path that can be none
        raise ImageError(f"{reference} cannot be read: {error}", "check the path") from None
    raise too_large(reference, f"{path} has {size:,} bytes")


def too_large(reference: str, what: str) -> ImageError:
    return ImageError(f"{reference} is too large: {what}; read are {MAX_BYTES:,} at most", "make it smaller")
