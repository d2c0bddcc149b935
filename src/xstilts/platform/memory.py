"""Memory use of processes, in MiB."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_MIB = 2**20
_OWN_GROUPS = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def reset_peak() -> None:
    """Reset the peak of this process if Linux permits it; otherwise `peak_mb` covers the whole lifetime."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_mb() -> float:
    """The largest resident memory of this process since `reset_peak`."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        return _lifetime_peak() / _MIB


def _lifetime_peak() -> int:
    """Peak in bytes since the process started, from `getrusage` on POSIX and psutil on Windows."""
    try:
        import resource
    except ImportError:
        info = psutil.Process().memory_info()
        return getattr(info, "peak_wset", info.rss)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def available_mb() -> float:
    """Memory that child processes may use in total: the free memory or, if smaller, the cgroup limit (Linux)."""
    return min([psutil.virtual_memory().available, *_limits()]) / _MIB


def _limits() -> Iterator[int]:
    """Limits in bytes of this process's control groups and their parents, for cgroup versions 1 and 2."""
    try:
        lines = _OWN_GROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        top, name = (_GROUPS, "memory.max") if not kinds else (_GROUPS / "memory", "memory.limit_in_bytes")
        if not kinds or "memory" in kinds.split(","):
            for group in (top / path.lstrip("/"), *(top / parent for parent in Path(path.lstrip("/")).parents)):
                with suppress(OSError, ValueError):  # "max" means no limit
                    yield int((group / name).read_text())


def used_mb(pids: Iterable[int]) -> float:
    """Total memory of several processes; on Linux, shared pages count once."""
    return sum(map(_proportional_bytes, pids)) / _MIB


def _proportional_bytes(pid: int) -> int:
    try:
        info = psutil.Process(pid).memory_full_info()
    except psutil.Error:
        return 0
    return getattr(info, "pss", 0) or info.uss
