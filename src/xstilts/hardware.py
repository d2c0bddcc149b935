"""What kind of machine this is, as far as it decides the arithmetic. No torch here."""

import ctypes
import sys
from pathlib import Path
from typing import Literal

CPUINFO = Path("/proc/cpuinfo")


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


def give_back() -> None:
    """Return memory that was freed, as by a training that ended, to the system where the C library hoards it."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        _ = trim and trim(0)


def _processor() -> tuple[str, frozenset[str]]:
    """Vendor and feature flags, empty where the system does not tell."""
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        return "", frozenset()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    return fields.get("vendor_id", ""), frozenset(fields.get("flags", "").split())
