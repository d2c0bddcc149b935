"""Image references from the cells of a user's table."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xstilts.platform.files import expand_home

_REFERENCE = re.compile(r"[a-z][a-z0-9]+:")
"""The start of a reference or URL; a single letter before the colon may be a Windows drive."""


def image_reference(value: Any, table: Path, row: int, column: str) -> str | None:
    """The reference of the image that a cell names or contains; None for an empty cell. `row` counts from 0.

    Paths are relative to the folder of the table; URLs and references are kept. Image dicts of the `datasets` library
    (with `bytes` or `path`) are supported.
    """
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return f"parquet:{table.resolve()}#{row}/{column}" if value else None
    name = str(value or "").strip().removeprefix("file:")
    if not name or "\0" in name or _REFERENCE.match(name):  # no path has a NUL character
        return name or None
    return f"file:{(table.parent / expand_home(name)).resolve()}"


def local_file(image_reference: str) -> Path | None:
    """The local file that a reference from a user's table depends on, or None."""
    collection, _, name = image_reference.partition(":")
    match collection:
        case "file":
            return Path(name)
        case "parquet":
            return Path(name.rpartition("#")[0])
        case _:
            return None
