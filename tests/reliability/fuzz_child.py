"""Reads damaged files in a process of its own: a crash, a hang or too much memory ends only this process."""

import faulthandler
import json
import os
import resource
import shutil
import sys
from pathlib import Path

import psutil
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.reliability.mutations import damaged
from tests.reliability.targets import problem_with, targets

HANG_SECONDS = 10.0
MEMORY = 1 << 30
"""Bytes of resident memory that a process may reach, with the interpreter and its libraries."""
_ADDRESS_SPACE = 8 << 30
"""A bound that protects the machine; the memory that is judged is the resident one."""
_CHECK_CHILDREN = 200
"""Cases between looks at the memory of child processes."""


def main(name: str, cases: int, start: int, folder: Path) -> None:
    """Read `cases` files. `folder` gets `case`, the number of the present case, and `problems`, JSON lines."""
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    target = targets()[name]
    work = folder / "work"
    present = os.open(folder / "case", os.O_RDWR | os.O_CREAT)
    done = 0

    def report(number: int, problem: str) -> None:
        with (folder / "problems").open("a") as file:
            file.write(json.dumps({"case": number, "problem": problem}) + "\n")

    @seed(start)
    @settings(
        max_examples=cases,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**64))
    def one(number: int) -> None:
        nonlocal done
        done += 1
        os.pwrite(present, f"{done:>8} {number:>22}".encode(), 0)
        path = _fresh(work) / target.file
        path.write_bytes(damaged(target.contents, number))
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        problem = problem_with(target, path)
        faulthandler.cancel_dump_traceback_later()
        if drafts := [str(file) for file in work.rglob(".*") if not file.name.startswith(".verified")]:
            problem = problem or f"half-written: {drafts[0]}"
        peak = _peak()
        if done % _CHECK_CHILDREN == 0:
            peak = max(peak, _children())
        if peak > MEMORY:
            report(number, f"{peak / 2**20:,.0f} MiB of memory: {problem or ''}")
            os._exit(3)
        if problem:
            report(number, problem)

    undamaged = _fresh(work) / target.file
    undamaged.write_bytes(target.contents[0])
    problem_with(target, undamaged)  # imports libraries, which is no part of the time of a case
    one()
    os._exit(0)  # without the end of libraries


def _fresh(work: Path) -> Path:
    for path in work.iterdir() if work.is_dir() else ():
        if path.name != "cache":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    work.mkdir(exist_ok=True)
    return work


def _peak() -> int:
    """The largest resident memory since this program started. `ru_maxrss` would count that of its parent too."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _children() -> int:
    """The largest memory of a child process, dead or alive."""
    alive = [child.memory_info().rss for child in psutil.Process().children(recursive=True)]
    return max([resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, *alive])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
