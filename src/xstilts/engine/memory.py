"""How much memory processes take, in MiB."""

import resource
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

_MIB = 2**20
_LIMIT = Path("/sys/fs/cgroup/memory.max")


def reset_peak() -> None:
    """Start measuring the peak of this process anew, where Linux allows it; elsewhere it is of its whole life."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_mb() -> float:
    """Largest resident memory of this process since `reset_peak`."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MIB


def room_mb() -> float:
    """Memory that this process and its children may take: the machine's, or what a control group allows (Linux)."""
    total = psutil.virtual_memory().total
    try:
        allowed = _LIMIT.read_text().strip()
    except OSError:
        return total / _MIB
    return min(total, int(allowed) if allowed.isdigit() else total) / _MIB


def taken_mb(pids: Iterable[int]) -> float:
    """Memory of several processes together; a page that they share counts once where the system tells (Linux)."""
    return sum(map(_proportional, pids)) / _MIB


def _proportional(pid: int) -> int:
    try:
        info = psutil.Process(pid).memory_full_info()
    except psutil.Error:
        return 0
    return getattr(info, "pss", 0) or info.uss
