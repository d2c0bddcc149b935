"""Cache folders that are built once, by the first process that needs them."""

from collections.abc import Callable
from pathlib import Path

from xstilts.platform.files import locked, new_folder


def build_once(target: Path, build: Callable[[Path], None]) -> Path:
    """`target`, filled by `build` if it does not exist. It appears complete; other processes wait for it."""
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_name(f".{target.name}.lock")):
        if not target.is_dir():
            with new_folder(target) as folder:
                build(folder)
    return target
