"""Cache folders that are built once, by the first process that needs them, and verified by all others."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from pydantic import TypeAdapter

from xstilts.platform.files import apply_umask, locked, new_folder
from xstilts.platform.folder_checksums import FileDigest, digests_of, find_damage, mark_verified
from xstilts.platform.sealed import read_sealed, write_sealed

CHECKSUMS = ".checksums"
"""File with size and SHA-256 of each file of the folder."""
_FILES = TypeAdapter(dict[str, FileDigest])
_log = logging.getLogger("xstilts")


def build_once(target: Path, build: Callable[[Path], None]) -> Path:
    """`target`, filled by `build` if it does not exist. It appears complete; other processes wait for it.

    Checksums are verified at each call: sizes always, the SHA-256 of a file only if its times changed since it was last
    verified, because weights have gigabytes and every worker opens them. A damaged folder is deleted with a warning and
    built again. Raises OSError if it cannot be deleted.
    """
    if _damage(target) is None:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_name(f".{target.name}.lock")):
        if (damage := _damage(target)) is None:
            return target
        if target.exists():
            _log.warning("the cached folder %s is damaged (%s): it is made again", target, damage)
            _remove(target)
        with new_folder(target) as folder:
            build(folder)
            apply_umask(folder)
            files = digests_of(folder)
            write_sealed(folder / CHECKSUMS, _FILES.dump_json(files))
            mark_verified(folder, files)
    return target


def _damage(target: Path) -> str | None:
    if not target.is_dir():
        return "it is not a folder"
    checksums = read_sealed(target / CHECKSUMS)
    if checksums is None:
        return "its checksums are missing or damaged"
    try:
        return find_damage(target, _FILES.validate_json(checksums))
    except OSError as error:
        return f"{error.filename} cannot be read: {error.strerror}"


def _remove(target: Path) -> None:
    """Renamed first: no other process finds a partial folder."""
    if target.is_dir():
        scratch = target.with_name(f".{target.name}-damaged")
        shutil.rmtree(scratch, ignore_errors=True)
        target.rename(scratch)
        shutil.rmtree(scratch, ignore_errors=True)
    else:
        target.unlink()
