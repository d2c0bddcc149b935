"""Sends a signal to a run at some moment, and checks what the same command makes of it afterwards."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from tests.reliability.programs import Program

from xstilts.store.gc import collect
from xstilts.store.store import Store
from xstilts.store.verify import verify

Receiver = Literal["runner", "worker", "all"]
HANG_SECONDS = 300.0
"""Longer than any undisturbed run takes on a loaded machine."""
_EXIT_SECONDS = 15.0
"""Until which the workers of a dead runner must end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """What a program gives if nothing happens to it, and how long it takes."""

    results: dict[str, object]
    seconds: float

    @classmethod
    def measure(cls, program: Program, root: Path) -> "Undisturbed":
        started = time.monotonic()
        code, output = finish(program, root)
        if code:
            raise RuntimeError(f"the undisturbed run fails with {code}:\n{output}")
        return cls(results=program.results(root), seconds=time.monotonic() - started)


def finish(program: Program, root: Path) -> tuple[int | None, str]:
    """The exit code and the output of an undisturbed run; None if it does not end."""
    with tempfile.TemporaryFile() as output:
        process = program.start(root, output)
        code = wait(process)
        return code, read(output)


def wait(process: "subprocess.Popen[bytes]") -> int | None:
    """The exit code, or None after `HANG_SECONDS`; the process is then killed with its workers."""
    try:
        return process.wait(HANG_SECONDS)
    except subprocess.TimeoutExpired:
        kill_session(process)
        return None


def kill_session(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def read(output: object) -> str:
    output.seek(0)  # pyright: ignore[reportAttributeAccessIssue]
    return output.read().decode(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]


def disturb(
    program: Program,
    root: Path,
    undisturbed: Undisturbed,
    number: signal.Signals,
    receiver: Receiver,
    generator: random.Random,
    after: Callable[["subprocess.Popen[bytes]", Sequence[psutil.Process]], None] | None = None,
    codes: Sequence[int] | None = None,
) -> str | None:
    """Start the program, send the signal at a random moment, wait, and run the same command again.

    `after` is called with the processes after the signal, `codes` are the exit codes that are allowed. Returns what was
    lost, or None.
    """
    moment = generator.uniform(0, 1.1 * undisturbed.seconds)
    shown = f"{program.name}, {number.name} to {receiver} after {moment:.2f} s"
    with tempfile.TemporaryFile() as output:
        process = program.start(root, output)
        while not output.tell() and process.poll() is None:  # an interrupt of the interpreter's start is not ours
            output.seek(0, os.SEEK_END)
            time.sleep(0.005)
        time.sleep(moment)
        workers = _workers(process)
        _send(process, workers, number, receiver, generator)
        if after:
            after(process, workers)
        code = wait(process)
        text = read(output)
    if code is None:
        return f"{shown}: the run does not end\n{text[-1000:]}"
    _, alive = psutil.wait_procs(workers, timeout=_EXIT_SECONDS)
    if alive:
        kill_session(process)
        return f"{shown}: {len(alive)} workers outlive the run"
    if "Traceback" in text:
        return f"{shown}: a traceback\n{text[-1000:]}"
    if codes is not None and code not in codes:
        return f"{shown}: exit code {code}\n{text[-1000:]}"
    problem = problem_after(program, root, undisturbed)
    if problem is None:
        shutil.rmtree(root)
    return problem and f"{shown}: {problem}"


def problem_after(program: Program, root: Path, undisturbed: Undisturbed) -> str | None:
    """What is wrong with the store, with the same command, or with its results."""
    store = Store(root / "store")
    if damaged := verify(store).damaged:
        return f"a half-written artifact is in the store: {damaged}"
    if not program.results(root).items() <= undisturbed.results.items():
        return "a wrong result is in the store"
    finished = program.finished(root)
    (root / "base" / "executed").unlink(missing_ok=True)
    code, text = finish(program, root)
    if code != 0 or "Traceback" in text:
        return f"the same command ends with {code}\n{text[-1000:]}"
    executed = program.executed(root, text)
    repeated = (
        len(finished & set(executed)) if not isinstance(executed, int) else executed - _missing(undisturbed, finished)
    )
    if repeated:
        return f"{repeated} finished stages ran again"
    if program.results(root) != undisturbed.results:
        return "the results differ from those of an undisturbed run"
    collect(store, tuple(undisturbed.results), dry_run=False)
    left = [path for path in (root / "store" / "drafts").iterdir() if path.is_dir()]
    return f"gc leaves {left}" if left else None


def _missing(undisturbed: Undisturbed, finished: set[str]) -> int:
    return len(undisturbed.results.keys() - finished)


def _workers(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _send(
    process: "subprocess.Popen[bytes]",
    workers: Sequence[psutil.Process],
    number: signal.Signals,
    receiver: Receiver,
    generator: random.Random,
) -> None:
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        if receiver == "all":
            os.killpg(process.pid, number)
        elif receiver == "worker" and workers:
            generator.choice(list(workers)).send_signal(number)
        elif receiver == "runner":
            process.send_signal(number)
