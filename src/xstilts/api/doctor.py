"""Checks the machine: versions, hardware, disk, cache. Imports no torch and makes no requests unless `hub` is set."""

import os
import platform
import shutil
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

from xstilts.cache.sources import Wheel
from xstilts.cache.wheels import cache_dir, data_root, missing_wheels
from xstilts.errors import SourceError, UserError
from xstilts.platform.hardware import CPUINFO, matrix_precision, usable_cores
from xstilts.tasks import load_task, task_names

_PACKAGES = ("xstilts", "torch", "transformers", "tokenizers", "peft", "polars")
_GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check; `advice` is empty if there is nothing to do."""

    what: str
    found: str
    advice: str = ""


def diagnose(store: Path, *, hub: bool = False) -> tuple[Finding, ...]:
    """Versions, processor, memory, disk, cache and data root; with `hub`, also whether the Hub answers."""
    return (
        Finding(what="python", found=platform.python_version()),
        *map(_package, _PACKAGES),
        Finding(what="cores", found=str(usable_cores())),
        _bf16(),
        _gpu(),
        _memory(),
        _disk("store", store),
        _disk("cache", cache_dir()),
        *_cached(),
        _data_root(),
        *((_hub(),) if hub else ()),
    )


def _package(name: str) -> Finding:
    try:
        return Finding(what=name, found=metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(what=name, found="absent", advice="run `make setup`")


def _bf16() -> Finding:
    flags = bf16_flags(CPUINFO)
    support = "unknown on this system" if flags is None else ", ".join(flags) or "not supported by the processor"
    return Finding(what="bf16", found=f"{support}; `precision: auto` means {matrix_precision()} here")


def bf16_flags(cpuinfo: Path) -> tuple[str, ...] | None:
    """The processor's bf16 instruction sets; None if the system has no such file."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return None
    flags = {flag for line in lines if line.startswith("flags") for flag in line.partition(":")[2].split()}
    return tuple(sorted(flags & {"avx512_bf16", "amx_bf16"}))


def _gpu() -> Finding:
    if not shutil.which("nvidia-smi"):
        return Finding(what="gpu", found="none")
    gpus = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
    return Finding(what="gpu", found=gpus.strip().replace("\n", "; ") or "none")


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    return Finding(what="memory", found=f"{memory.available / _GIB:.1f} of {memory.total / _GIB:.1f} GiB free")


def _disk(what: str, folder: Path) -> Finding:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not os.access(existing, os.W_OK):
        return Finding(what=f"{what} folder", found=str(folder), advice=f"{existing} is not writable")
    return Finding(what=f"{what} folder", found=f"{folder}, {shutil.disk_usage(existing).free / _GIB:.1f} GiB free")


def _cached() -> tuple[Finding, ...]:
    """Whether the wheels of shipped tasks and encoders are in the cache."""
    wheels = _shipped_wheels()
    absent = set(missing_wheels(wheels, cache_dir()))
    return tuple(
        Finding(
            what=wheel.uri,
            found="absent" if wheel in absent else "cached",
            advice=f"{wheel.size_mb:g} MB, downloaded at first use" if wheel in absent else "",
        )
        for wheel in wheels
    )


def _shipped_wheels() -> tuple[Wheel, ...]:
    from xstilts.encoders import catalogue

    tasks = (wheel for name in task_names() for wheel in load_task(name).wheels)
    return tuple(dict.fromkeys((*(wheel for card in catalogue() for wheel in card.wheels), *tasks)))


def _data_root() -> Finding:
    try:
        root = data_root()
    except SourceError as error:
        return Finding(what="XSTILTS_DATA_ROOT", found=error.message, advice=error.hint)
    return Finding(what="XSTILTS_DATA_ROOT", found=str(root) if root else "not set")


def _hub() -> Finding:
    address = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        with urllib.request.urlopen(address, timeout=5):
            return Finding(what="hub", found=f"{address} answers")
    except (urllib.error.URLError, OSError, ValueError) as error:
        return Finding(what="hub", found=f"{address} does not answer: {error}", advice="the embedded suite works")


def installation_error(findings: tuple[Finding, ...]) -> UserError | None:
    """An error if a required package is not installed."""
    absent = [finding.what for finding in findings if finding.found == "absent" and finding.what in _PACKAGES]
    return UserError(f"not installed: {', '.join(absent)}", "run `make setup`") if absent else None
