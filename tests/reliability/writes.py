"""A fault at every write, fsync, rename and mkdir of a small run."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.reliability.injector import Disk, Faults, broken_disk, full_disk, injected, kill, limited
from tests.reliability.options import Options
from tests.reliability.small_run import problem_after, results, run
from tests.reliability.table import Tally


def every_write(options: Options) -> Iterator[Tally]:
    """Each operation fails with a full disk and with a broken one, and the process is killed there."""
    expected, operations, _ = undisturbed(options.folder)
    step = options.size.write_step
    disturbers: dict[str, Callable[[Path, int], str | None]] = {
        "full disk": lambda root, number: _fails(root, number, full_disk),
        "broken disk": lambda root, number: _fails(root, number, broken_disk),
    }
    if hasattr(os, "fork"):
        disturbers["kill"] = _dies
    for offset, (name, disturber) in enumerate(disturbers.items()):
        tally = Tally(fault=f"{name} at each write, fsync, rename")
        for number in range(offset % step, operations, step):
            tally.count(_case(options.folder / f"{name} {number}", expected, disturber, number))
        yield tally


def every_byte(options: Options) -> Iterator[Tally]:
    """The disk is full after n bytes, for n from 0 to all bytes of the run."""
    expected, _, size = undisturbed(options.folder)
    tally = Tally(fault="disk full at byte n of a small run")
    for free in range(0, size, options.size.byte_step):
        tally.count(_case(options.folder / f"bytes {free}", expected, _fills, free))
    yield tally


def undisturbed(folder: Path) -> tuple[dict[str, str], int, int]:
    """The results of an undisturbed run, and its numbers of operations and of bytes."""
    faults, disk = Faults(-1, full_disk), Disk(1 << 40)
    with injected(faults):
        run(folder / "counted")
    with limited(disk):
        run(folder / "measured")
    return results(folder / "counted"), faults.count, disk.used


def _case(root: Path, expected: dict[str, str], disturb: Callable[[Path, int], str | None], number: int) -> str | None:
    root.mkdir()
    problem = disturb(root, number) or problem_after(root, expected)
    shutil.rmtree(root)
    return f"{root.name}: {problem}" if problem else None


def _fails(root: Path, number: int, fault: Callable[[], None]) -> str | None:
    with injected(Faults(number, fault)):
        return _run(root)


def _fills(root: Path, free: int) -> str | None:
    with limited(Disk(free)):
        return _run(root)


def _run(root: Path) -> str | None:
    """Any error but that of the operating system is a problem."""
    try:
        run(root)
    except OSError as error:
        return None if error.errno in (errno.ENOSPC, errno.EIO) else repr(error)
    except Exception as error:
        return repr(error)
    return None


def _dies(root: Path, number: int) -> str | None:
    child = os.fork()
    if child == 0:
        try:
            with injected(Faults(number, kill)):
                run(root)
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if code in (0, 9) else f"exit code {code}"
