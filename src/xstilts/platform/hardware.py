"""Precision, cores, GPUs and memory advice of the current machine. Does not import torch."""

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
    """The faster precision for matrix products. It depends on the hardware only, not on its load.

    bf16 on accelerators, on CPUs with AMX, and on AMD CPUs with AVX-512 BF16; otherwise fp32. Intel's AVX-512 BF16
    without AMX runs at half the rate of fp32 (measured in docs/performance.md).
    """
    if not device.startswith("cpu"):
        return "bf16"
    vendor, flags = _cpu_vendor_and_flags()
    has_fast_bf16 = "amx_bf16" in flags or ("avx512_bf16" in flags and vendor == "AuthenticAMD")
    return "bf16" if has_fast_bf16 else "fp32"


def usable_cores() -> int:
    """The logical cores that this process may use."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):  # not on macOS
        return len(process.cpu_affinity())
    return os.cpu_count() or 1


def gpus() -> tuple[str, ...]:
    """The GPUs that this process may use, named as in CUDA_VISIBLE_DEVICES; empty without an NVIDIA driver."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip())
    return tuple(map(str, range(len(list(GPUS.glob("*"))))))


def release_free_memory() -> None:
    """Return freed heap memory to the system (`malloc_trim`, Linux with glibc only)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        _ = trim and trim(0)


def advise_pageout(address: int, size: int) -> None:
    """Page out `size` bytes that will not be used for a while; Linux only.

    Clean pages of a memory-mapped file are dropped. Access pages them in again.
    """
    _advise(address, size, _PAGE_OUT)


def advise_populate(address: int, size: int) -> None:
    """Fault in `size` bytes for writing at once, which takes half the time of page faults; Linux only."""
    _advise(address, size, _POPULATE_WRITE)


def _advise(address: int, size: int, advice: int) -> None:
    """Call madvise on the whole pages in the range; ignored where the system or the advice is not supported."""
    if sys.platform == "linux" and (advise := getattr(ctypes.CDLL(None), "madvise", None)):
        page = mmap.PAGESIZE
        start, end = -(-address // page) * page, (address + size) // page * page
        advise(ctypes.c_void_p(start), ctypes.c_size_t(max(end - start, 0)), advice)


def _cpu_vendor_and_flags() -> tuple[str, frozenset[str]]:
    """Empty if the system has no /proc/cpuinfo."""
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        return "", frozenset()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    return fields.get("vendor_id", ""), frozenset(fields.get("flags", "").split())
