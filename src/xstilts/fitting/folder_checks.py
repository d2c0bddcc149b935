"""Checks of the model folder before any work is done. Does not import torch."""

import tempfile
from pathlib import Path

from xstilts.errors import UserError


def require_new(folder: Path) -> None:
    """Raises UserError if `folder` is a file or has content."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty", "name a new folder, or remove this one")


def require_writable(folder: Path) -> None:
    """Raises UserError if the folder cannot be created where it is named. Leaves nothing behind."""
    parent = folder.absolute().parent
    while not parent.exists():
        parent = parent.parent
    try:
        with tempfile.TemporaryDirectory(dir=parent, prefix=".xstilts-"):
            pass
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written: {parent}: {error.strerror}", "name another folder with --out"
        ) from None
