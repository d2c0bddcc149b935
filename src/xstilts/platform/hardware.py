"""What kind of machine this is, as far as it decides the arithmetic. No torch here."""

import ctypes
import mmap
import os
import sys
from pathlib import Path
from typing import Literal

import psutil

CPUINFO = Path("/proc/cpuinfo")
GPUS = Path("/proc/driver/nvidia/gpus")
_PAGE_OUT = 21
"""MADV_PAGEOUT of Linux 5.4."""
_POPULATE_WRITE = 23
"""MADV_POPULATE_WRITE of Linux 5.14."""


def matrix_precision(device: str = "cpu") -> Literal["bf16", "fp32"]:
    """The faster arithmetic for matrix products on a kind of machine; never a matter of its load.

    bf16 on accelerators, on processors with AMX, and on AMD's with AVX-512 BF16. Intel's AVX-512 BF16 without AMX
    runs at half the rate of fp32 (measured: docs/performance.md), so there and elsewhere it is fp32.
    """
    if not device.startswith("cpu"):
        return "bf16"
    vendor, flags = _processor()
    fast = "amx_bf16" in flags or ("avx512_bf16" in flags and vendor == "AuthenticAMD")
    return "bf16" if fast else "fp32"


def usable_cores() -> int:
    """The logical cores that this process may use."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):  # not on macOS
        return len(process.cpu_affinity())
    return os.cpu_count() or 1


def gpus() -> tuple[str, ...]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; none where there is no NVIDIA driver."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(name for part in named.split(",") if (name := part.strip()))
    return tuple(map(str, range(len(list(GPUS.glob("*"))))))


def release_free_memory() -> None:
    """Return memory that was freed, as by a training that ended, to the system where the C library hoards it."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        _ = trim and trim(0)


def advise_pageout(address: int, size: int) -> None:
    """Let go of so many bytes of memory that will not be read for long; they come back when they are.

    Pages of a file that was mapped and not written are just dropped. Nothing happens where the system is not Linux.
    """
    _advise(address, size, _PAGE_OUT)


def advise_populate(address: int, size: int) -> None:
    """Have so many bytes of memory at hand to be written, all at once instead of page by page; half the time."""
    _advise(address, size, _POPULATE_WRITE)


def _advise(address: int, size: int, advice: int) -> None:
    """Tell Linux something of the whole pages between; elsewhere, or where it knows no such advice, nothing happens."""
    if sys.platform == "linux" and (advise := getattr(ctypes.CDLL(None), "madvise", None)):
        page = mmap.PAGESIZE
        start, end = -(-address // page) * page, (address + size) // page * page
        advise(ctypes.c_void_p(start), ctypes.c_size_t(max(end - start, 0)), advice)


def _processor() -> tuple[str, frozenset[str]]:
    """Vendor and feature flags, empty where the system does not tell."""
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        return "", frozenset()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    return fields.get("vendor_id", ""), frozenset(fields.get("flags", "").split())
