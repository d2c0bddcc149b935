"""A disk that is too small for a run with real training, by a file system of that size or a limit of file sizes."""

import os
import random
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.reliability.disturb import HANG_SECONDS, Undisturbed, problem_after
from tests.reliability.options import Options
from tests.reliability.programs import REPOSITORY, Training
from tests.reliability.table import Tally

_SCRIPT = """
mount -t tmpfs -o size=$1 none "$2" && cd "$2" && mkdir tmp && shift 2
TMPDIR=$PWD/tmp "$@" > "$LOG" 2>&1
echo $? > "$LOG.code"
mount -o remount,size=1g "$PWD" && cp -r "$PWD" "$COPY"
"""
"""Runs a command on a small file system, and copies what is there afterwards."""
_LARGEST = 600_000
"""Bytes: a little more than the files of the run."""


def full_disks(options: Options) -> Iterator[Tally]:
    """Disks of random sizes, and limits of the size of each file."""
    if not options.size.full_disks:
        return
    program = Training.write(options.folder / "recipe")
    undisturbed = Undisturbed.measure(program, options.folder / "full" / "undisturbed")
    kinds = {"largest file": _with_limited_files}
    if _can_mount(options.folder):
        kinds["disk"] = _on_small_disk
    for name, run in kinds.items():
        tally = Tally(fault=f"{name} of n bytes, training")

        def one(number: int, name: str = name, run=run) -> str | None:
            size = random.Random(f"{options.seed} {name} {number}").randrange(_LARGEST)
            root = options.folder / "full" / f"{name} {number}"
            try:
                problem = run(program, root, size) or problem_after(program, root, undisturbed)
            except subprocess.TimeoutExpired:
                problem = f"it did not end after {HANG_SECONDS:.0f} s"
            if problem is None:
                shutil.rmtree(root)
            return problem and f"{name} of {size} bytes: {problem}"

        with ThreadPoolExecutor(options.jobs) as threads:
            for problem in threads.map(one, range(options.size.full_disks)):
                tally.count(problem)
        yield tally


def _with_limited_files(program: Training, root: Path, size: int) -> str | None:
    """Run with files of at most `size` bytes."""
    root.mkdir(parents=True)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    done = subprocess.run(
        program.command(root),
        cwd=root,
        env=_environment(root),
        capture_output=True,
        preexec_fn=limit,
        timeout=HANG_SECONDS,
        check=False,
    )
    return _ending(done.returncode, (done.stdout + done.stderr).decode(errors="replace"))


def _on_small_disk(program: Training, root: Path, size: int) -> str | None:
    """Run on a file system of `size` bytes."""
    mount, log = root.with_name(f"{root.name} mounted"), root.with_name(f"{root.name}.log")
    mount.mkdir(parents=True)
    pages = max(size // 4096, 4) * 4096
    subprocess.run(
        ["unshare", "-rm", "sh", "-c", _SCRIPT, "sh", str(pages), str(mount), *program.command(mount)],
        env=_environment(mount) | {"LOG": str(log), "COPY": str(root)},
        timeout=HANG_SECONDS,
        check=True,
    )
    shutil.rmtree(root / "tmp", ignore_errors=True)
    return _ending(int(Path(f"{log}.code").read_text()), log.read_text(errors="replace"))


def _environment(root: Path) -> dict[str, str]:
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "src")])
    return os.environ | {"PYTHONPATH": paths, "XSTILTS_CACHE": str(root / "cache"), "OMP_NUM_THREADS": "1"}


def _ending(code: int, text: str) -> str | None:
    """A run succeeds, or says what is wrong."""
    if "Traceback" in text:
        return f"a traceback\n{text[-1500:]}"
    if code not in (0, 1) or (code == 1 and "error: " not in text):
        return f"exit code {code}\n{text[-1000:]}"
    return None


def _can_mount(folder: Path) -> bool:
    """Whether this system lets a user mount a file system in a name space of its own."""
    point = folder / "mount"
    point.mkdir(exist_ok=True)
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "none", str(point)]
    return (
        shutil.which("unshare") is not None and not subprocess.run(command, capture_output=True, check=False).returncode
    )
