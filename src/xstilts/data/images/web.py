"""Images from the web, downloaded once into the cache."""

import hashlib
import time
import urllib.error
from http.client import HTTPException
from pathlib import Path

from xstilts.data.images.locations import ImageLocations
from xstilts.data.images.public_http import check_address, download
from xstilts.errors import ImageError
from xstilts.platform.files import write_file
from xstilts.platform.sealed import read_sealed, write_sealed

_DEAD_LINK_SECONDS = 3600
"""Seconds for which no process requests a dead link again."""
_RETRY_LATER = (429, 503)
"""HTTP status codes that do not mark a link as dead."""


def read_url(address: str, reference: str, locations: ImageLocations) -> bytes:
    """The bytes at a URL, from the cache if possible.

    Raises ImageError if the link is dead or no public address of HTTP, the file is too large, or it is not cached and
    `offline` is set.
    """
    check_address(address)
    cached = _cached_file(address, locations.cache)
    if (content := read_sealed(cached)) is not None:
        return content
    if locations.offline:
        raise ImageError(f"{reference} is not in the cache {locations.cache}", "run once without --offline")
    if reason := _dead_link_reason(cached):
        raise _fetch_error(reference, reason)
    try:
        content = download(address, private=locations.private_addresses)
    except (OSError, HTTPException, ValueError) as error:
        reason = _reason(error)
        if not (isinstance(error, urllib.error.HTTPError) and error.code in _RETRY_LATER):
            write_file(_dead_link_file(cached), reason)
        raise _fetch_error(reference, reason) from None
    write_sealed(cached, content)
    return content


def _cached_file(address: str, cache: Path) -> Path:
    name = hashlib.sha256(address.encode()).hexdigest()
    return cache / "images" / "urls" / name[:2] / name


def _dead_link_file(cached: Path) -> Path:
    return cached.with_name(f"{cached.name}.dead")


def _dead_link_reason(cached: Path) -> str | None:
    """The error of the last request, if it is recent."""
    note = _dead_link_file(cached)
    try:
        return note.read_text() if time.time() - note.stat().st_mtime < _DEAD_LINK_SECONDS else None
    except OSError:
        return None


def _reason(error: Exception) -> str:
    match error:
        case urllib.error.HTTPError():
            return f"HTTP {error.code} {error.reason}"
        case urllib.error.URLError():
            return str(error.reason)
        case _:
            return str(error) or type(error).__name__


def _fetch_error(reference: str, reason: str) -> ImageError:
    return ImageError(
        f"{reference} cannot be downloaded: {reason}", "if the link is dead, put the image below the data root"
    )
