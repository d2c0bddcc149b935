"""Kills of runs at random moments, and other signals to runs and their workers."""

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import psutil
from tests.reliability.disturb import Receiver, Undisturbed, disturb
from tests.reliability.options import Options
from tests.reliability.programs import Program, Stub, Training
from tests.reliability.table import Tally

_RECEIVERS: tuple[Receiver, ...] = ("runner", "worker", "all")
_PAUSE_SECONDS = 2.0


def kills(options: Options) -> Iterator[Tally]:
    """SIGKILL of the runner, of a worker, or of both, at a random moment of a run."""
    size = options.size
    programs = [(Stub(), size.stub_kills, "stub stages")]
    if size.training_kills:
        programs.append((Training.write(options.folder / "recipe"), size.training_kills, "training"))
    for program, count, name in programs:
        cases = [("kill", signal.SIGKILL, _RECEIVERS[number % 3], None, None) for number in range(count)]
        tally = Tally(fault=f"kill at a random moment, {name}")
        yield from _run(program, cases, {"kill": tally}, options)


def signals(options: Options) -> Iterator[Tally]:
    """SIGTERM, SIGINT and SIGSTOP of the runner and of its workers."""
    size = options.size
    programs = [(Stub(), size.stub_signals), (Training, size.training_signals)]
    tallies: dict[str, Tally] = {}
    cases = []
    for sent, receiver, after, codes in (
        (signal.SIGTERM, "runner", None, (-15, 0)),
        (signal.SIGTERM, "worker", None, (0, 1)),
        (signal.SIGTERM, "all", None, (-15, 0)),
        (signal.SIGINT, "runner", None, (130, 0, -2)),
        (signal.SIGINT, "worker", None, (0, 1)),
        (signal.SIGINT, "all", None, (130, 0, -2, 1)),
        (signal.SIGSTOP, "worker", _continue, (0,)),
        (signal.SIGSTOP, "all", _continue, (0,)),
        (signal.SIGSTOP, "worker", _kill_runner, (-9, 0)),
    ):
        name = sent.name if after is not _kill_runner else f"{sent.name}, then kill,"
        fault = f"{name} of {_NAMES[receiver]}"
        tallies[fault] = Tally(fault=fault)
        cases.append((fault, sent, receiver, after, codes))
    for program, count in programs:
        if count:
            known = Training.write(options.folder / "recipe") if program is Training else program
            list(_run(known, cases * count, tallies, options))
    fault = "SIGSTOP of a worker, stage time limit"
    tallies[fault] = Tally(fault=fault)
    case = (fault, signal.SIGSTOP, "worker", None, (0, 1))
    list(_run(replace(Stub(), timeout=3.0), [case] * size.stub_signals, tallies, options))
    yield from tallies.values()


_NAMES = {"runner": "the runner", "worker": "a worker", "all": "the whole run"}
Case = tuple[str, signal.Signals, Receiver, "After | None", "Sequence[int] | None"]
After = Callable[["subprocess.Popen[bytes]", Sequence[psutil.Process]], None]


def _run(program: Program, cases: Sequence[Case], tallies: dict[str, Tally], options: Options) -> Iterator[Tally]:
    """Count the cases in the tally of their fault; yields all tallies."""
    name = f"{program.name}-{cases[0][0]}" if cases else program.name
    base = options.folder / name.replace(" ", "-")
    undisturbed = Undisturbed.measure(program, base / "undisturbed")

    def one(number: int) -> str | None:
        _, sent, receiver, after, codes = cases[number]
        generator = random.Random(f"{options.seed} {name} {number}")
        return disturb(program, base / str(number), undisturbed, sent, receiver, generator, after, codes)

    with ThreadPoolExecutor(options.jobs) as threads:
        for case, problem in zip(cases, threads.map(one, range(len(cases))), strict=True):
            tallies[case[0]].count(problem)
    yield from tallies.values()


def _continue(process: "subprocess.Popen[bytes]", workers: Sequence[psutil.Process]) -> None:
    """Let stopped processes run again after a while."""
    time.sleep(_PAUSE_SECONDS)
    for one in (*workers, process):
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            one.send_signal(signal.SIGCONT)


def _kill_runner(process: "subprocess.Popen[bytes]", workers: Sequence[psutil.Process]) -> None:
    """A stopped worker ends when it can run again."""
    process.kill()
    process.wait()
    for worker in workers:
        with suppress(psutil.NoSuchProcess):
            worker.send_signal(signal.SIGCONT)
