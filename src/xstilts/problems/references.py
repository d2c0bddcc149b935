"""References to images, from the cells of a table that a user keeps."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_REFERENCE = re.compile(r"[a-z][a-z0-9]+:")
"""How a reference and an address begin; one letter before a colon may be a drive."""


def reference(value: Any, table: Path, row: int, column: str) -> str | None:
    """The image that a cell names or holds; None where it does neither. `row` counts from 0.

    A path is relative to the folder of the table; addresses and references stay. What the library datasets writes of
    an image, the bytes or a path, is understood.
    """
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return f"parquet:{table.resolve()}#{row}/{column}" if value else None
    name = str(value or "").strip().removeprefix("file:")
    if not name or _REFERENCE.match(name):
        return name or None
    return f"file:{(table.parent / Path(name).expanduser()).resolve()}"


def local(reference: str) -> Path | None:
    """The file on this machine that a reference of a user's table depends on, if it is one."""
    collection, _, name = reference.partition(":")
    match collection:
        case "file":
            return Path(name)
        case "parquet":
            return Path(name.rpartition("#")[0])
        case _:
            return None
