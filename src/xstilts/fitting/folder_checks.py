"""Checks of the model folder before any work is done. Does not import torch."""

import os
from pathlib import Path

from xstilts.errors import UserError


def require_new(folder: Path) -> None:
    """Raises UserError if `folder` is a file or has content."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty", "name a new folder, or remove this one")


def require_writable(folder: Path) -> None:
    """Raises UserError if the folder cannot be created where it is named."""
    parent = folder.absolute()
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UserError(f"{folder} cannot be written: no permission for {parent}", "name another folder with --out")
