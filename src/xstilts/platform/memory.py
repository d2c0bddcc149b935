"""How much memory processes use, in MiB."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_MIB = 2**20
_OWN_GROUPS = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def reset_peak() -> None:
    """Forget the peak of this process so far, where Linux allows it; elsewhere `peak_mb` covers its whole life."""
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
    """In bytes: of POSIX systems by `getrusage`, of Windows by psutil."""
    try:
        import resource
    except ImportError:
        info = psutil.Process().memory_info()
        return getattr(info, "peak_wset", info.rss)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def available_mb() -> float:
    """What children of this process may use together: what is free now, or what control groups allow (Linux)."""
    return min([psutil.virtual_memory().available, *_limits()]) / _MIB


def _limits() -> Iterator[int]:
    """The limits of this process's control groups and their parents, of cgroup versions 1 and 2, in bytes."""
    try:
        lines = _OWN_GROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        top, name = (_GROUPS, "memory.max") if not kinds else (_GROUPS / "memory", "memory.limit_in_bytes")
        if not kinds or "memory" in kinds.split(","):
            for group in (top / path.lstrip("/"), *(top / parent for parent in Path(path.lstrip("/")).parents)):
                with suppress(OSError, ValueError):  # "max" is none
                    yield int((group / name).read_text())


def used_mb(pids: Iterable[int]) -> float:
    """Memory of several processes together; on Linux, a page that they share counts once."""
    return sum(map(_proportional, pids)) / _MIB


def _proportional(pid: int) -> int:
    try:
        info = psutil.Process(pid).memory_full_info()
    except psutil.Error:
        return 0
    return getattr(info, "pss", 0) or info.uss
