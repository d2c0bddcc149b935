"""Where images are stored, and how image references are parsed."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from xstilts.errors import ImageError

MAX_BYTES = 64 * 2**20
"""The largest file that is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLocations:
    """`root` is the folder with the benchmarks' native files; downloads are in `cache`.

    `private_addresses` says whether images may be downloaded from hosts that are not on the public internet.
    """

    cache: Path
    offline: bool
    root: Path | None = None
    private_addresses: bool = False


def reads_private_addresses() -> bool:
    """Whether the environment allows images from private addresses: XSTILTS_PRIVATE_IMAGES is set, and not 0."""
    return os.environ.get("XSTILTS_PRIVATE_IMAGES", "0") not in ("", "0")


def split_reference(reference: str) -> tuple[str, str]:
    """Split a reference into collection and name; for a URL the collection is the scheme.

    Raises ImageError if either is empty.
    """
    collection, _, name = reference.partition(":")
    if not collection or not name:
        raise ImageError(f"{reference!r} is not an image reference", "write `collection:name`, `file:path` or a URL")
    return collection, name


def read_file(path: Path, reference: str) -> bytes:
    """The content of a file. Raises ImageError if it cannot be read, is too large, or is a device, pipe or folder."""
    try:
        # without O_NONBLOCK, opening a pipe waits for its writer
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ImageError(
                    f"{reference} cannot be read: {path} is a folder, device or pipe", "name an image file"
                )
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:  # ValueError: invalid path
        raise ImageError(f"{reference} cannot be read: {error}", "check the path") from None
    if len(content) > MAX_BYTES:
        raise too_large(reference, f"{path} has {status.st_size:,} bytes")
    return content


def too_large(reference: str, size: str) -> ImageError:
    return ImageError(f"{reference} is too large: {size}; the limit is {MAX_BYTES:,} bytes", "make it smaller")
