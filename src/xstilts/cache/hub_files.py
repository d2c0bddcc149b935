"""Verifies the Hub's files in the cache: the name of a stored file (blob) is its checksum."""

import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from xstilts.cache.checksums import cached_text, file_state
from xstilts.errors import SourceError
from xstilts.platform import folder_checksums

_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT_SHA1 = re.compile(r"[0-9a-f]{40}")
_log = logging.getLogger("xstilts")


def verified(download: Callable[[], Path], *, cache: Path, offline: bool) -> Path:
    """The file or folder that `download` returns, with the checksums of its files verified.

    `download` returns links to blobs, and downloads those that are missing. A damaged blob is deleted with a warning
    and downloaded again. Files are only read if their size or times changed since they were last verified. Files that
    are no links (on systems without links) cannot be verified. Raises SourceError if a file is damaged and `offline` is
    set, or if it is damaged again.
    """
    path = download()
    damaged = list(_damaged_files(path, cache))
    if damaged and offline:
        raise SourceError(f"the download {damaged[0]} is damaged", "run once without --offline")
    for file in damaged:
        _log.warning("the download %s is damaged: it is deleted and downloaded again", file)
        file.resolve().unlink(missing_ok=True)
        file.unlink(missing_ok=True)
    if damaged:
        path = download()
        if still_damaged := list(_damaged_files(path, cache)):
            raise SourceError(f"the download {still_damaged[0]} is damaged again", "check the disk of the cache")
    return path


def _damaged_files(path: Path, cache: Path) -> Iterator[Path]:
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_symlink() and not _matches_its_name(file.resolve(), cache):
            yield file


def _matches_its_name(blob: Path, cache: Path) -> bool:
    if _SHA256.fullmatch(blob.name):
        compute = folder_checksums.sha256
    elif _GIT_SHA1.fullmatch(blob.name):
        compute = _git_sha1
    else:
        return True
    try:
        return cached_text("blobs", [file_state(blob)], cache, lambda: compute(blob)) == blob.name
    except FileNotFoundError:
        return False


def _git_sha1(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()
