"""Images at addresses of the web, fetched once into the cache."""

import hashlib
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from xstilts.data.images.places import MAX_BYTES, ImageLocations, read_file
from xstilts.errors import ImageError
from xstilts.platform.files import write_file

_AGENT = "xstilts/0.1 (research; reads an image once and keeps it)"
_SECONDS = 20
"""For a server to answer, and between two pieces of what it sends."""
_SECONDS_IN_ALL = 120
_REMEMBERED = 3600
"""Seconds for which a dead link is not asked for again, by any process."""
_PIECE = 1 << 16


def read_url(address: str, reference: str, places: ImageLocations) -> bytes:
    """The bytes behind an address, from the cache if they are there.

    Raises ImageError where the link is dead, the file too large, or not cached while offline.
    """
    kept = _cached_file(address, places.cache)
    if kept.is_file():
        return read_file(kept, reference)
    if places.offline:
        raise ImageError(f"{reference} is not in the cache {places.cache}", "run once without --offline")
    if reason := _dead_link_reason(kept):
        raise _refused(reference, reason)
    try:
        content = _fetch(address)
    except (OSError, HTTPException, ValueError) as error:
        reason = _reason(error)
        if not _is_temporary(error):
            write_file(_dead_link_file(kept), reason)
        raise _refused(reference, reason) from None
    write_file(kept, content)
    return content


def _cached_file(address: str, cache: Path) -> Path:
    name = hashlib.sha256(address.encode()).hexdigest()
    return cache / "images" / "urls" / name[:2] / name


def _dead_link_file(kept: Path) -> Path:
    return kept.with_name(f"{kept.name}.dead")


def _dead_link_reason(kept: Path) -> str | None:
    """Why a link was found dead, if that is not long ago."""
    note = _dead_link_file(kept)
    try:
        return note.read_text() if time.time() - note.stat().st_mtime < _REMEMBERED else None
    except OSError:
        return None


def _fetch(address: str) -> bytes:
    request = urllib.request.Request(address, headers={"User-Agent": _AGENT})
    end = time.monotonic() + _SECONDS_IN_ALL
    pieces, size = [], 0
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
        expected = int(answer.headers.get("Content-Length") or -1)
        while piece := answer.read(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_BYTES:
                raise ValueError(f"more than {MAX_BYTES:,} bytes come from there")
            if time.monotonic() > end:
                raise TimeoutError(f"it took longer than {_SECONDS_IN_ALL} seconds")
    if size < expected:
        raise OSError(f"{size:,} of {expected:,} bytes arrived")
    return b"".join(pieces)


def _is_temporary(error: Exception) -> bool:
    """Whether a server asks to come again later."""
    return isinstance(error, urllib.error.HTTPError) and error.code in (429, 503)


def _reason(error: Exception) -> str:
    match error:
        case urllib.error.HTTPError():
            return f"the server answers {error.code} {error.reason}"
        case urllib.error.URLError():
            return str(error.reason)
        case _:
            return str(error) or type(error).__name__


def _refused(reference: str, reason: str) -> ImageError:
    return ImageError(
        f"{reference} cannot be fetched: {reason}", "a dead link? put the image below the data root if you have it"
    )
