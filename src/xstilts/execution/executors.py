"""Worker processes that stay alive over a whole run, so that each imports torch once."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import IO

import psutil

from xstilts.execution.environment import Environment, Event
from xstilts.execution.worker import Ended, Job
from xstilts.planning.specs import Spec
from xstilts.platform.hardware import gpus

RUN_JOB = "xstilts.stages.job.run_job"
_SERVE = "import sys; from xstilts.execution.worker import serve; serve(int(sys.argv[1]), sys.argv[2])"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")


def default_workers(device: str = "cpu") -> int:
    """One for each GPU where it is `cuda`, or for the one that is named; else physical cores that may be used."""
    if not device.startswith("cpu"):
        return max(1, len(gpus())) if device == "cuda" else 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed))


@dataclass(slots=True)
class _Worker:
    process: "subprocess.Popen[bytes]"
    connection: Connection
    output: IO[bytes]
    """What it printed: told if it dies, otherwise nobody's concern."""
    threads: int
    gpu: str | None = None
    """The one that it sees, where several are to be had."""
    job: Job | None = None
    left: dict[str, Spec] = field(default_factory=dict)
    """Stages of the job that have neither finished nor failed."""
    begun: dict[str, None] = field(default_factory=dict)

    def give(self, job: Job, environment: Environment) -> None:
        self.job, self.left, self.begun = job, {spec.key: spec for spec in job.specs}, {}
        self.connection.send((job, environment))

    def note(self, event: Event) -> None:
        """With its last stage the worker is free: it tidies up while its next job is on the way."""
        if event.kind == "started":
            self.begun[event.key] = None
        elif event.kind in ("finished", "failed"):
            self.left.pop(event.key, None)
            self.begun.pop(event.key, None)
            self.job = self.job if self.left else None

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.connection.close()
        self.output.close()


class Pool:
    """At most `slots` worker processes; a job of n threads takes n slots, but one where the device is no processor. To
    be used in a `with` block.

    The number of slots decides when a job runs, never what it computes. On the device `cuda`, each worker sees the GPU
    that fewest others have.
    """

    def __init__(self, environment: Environment, slots: int, runner: str = RUN_JOB) -> None:
        self._environment, self._slots, self._runner = environment, slots, runner
        self._workers: list[_Worker] = []
        self._numbers = count()
        self._gpus = gpus() if environment.device == "cuda" else ()

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(worker.process.pid for worker in self._workers)

    @property
    def idle(self) -> bool:
        """Whether no job runs."""
        return not self._busy

    def free(self, threads: int) -> bool:
        """Whether a job of so many threads may start now. One that wants more than there are gets all."""
        return self._taken + self._slots_of(threads) <= self._slots

    def submit(self, specs: tuple[Spec, ...]) -> None:
        """Give the stages of a job, each after its inputs, to an idle worker, or to a new one where there is none."""
        job = Job(specs=specs, number=next(self._numbers))
        idle = [worker for worker in self._workers if worker.job is None]
        for worker in sorted(idle, key=lambda worker: worker.threads != job.threads):
            if worker.process.poll() is None:
                break
            self._remove(worker)
        else:
            worker = self._start(job.threads)
        with suppress(OSError):  # it died just now, which `events` will tell
            worker.give(job, self._environment)

    def events(self, seconds: float) -> Iterator[Event]:
        """What the workers tell within so many seconds; at once if something is there.

        A dead worker fails the stages it had begun (or else the first that was left); the rest of its job goes to
        a new worker.
        """
        busy = {worker.connection: worker for worker in self._busy}
        for connection in wait(list(busy), seconds):
            worker = busy[connection]  # pyright: ignore[reportArgumentType]
            try:
                message: Event | Ended = worker.connection.recv()
            except (EOFError, OSError):
                yield from self._bury(worker)
                continue
            if isinstance(message, Event):
                worker.note(message)
                yield message
            elif worker.job and worker.job.number == message.number:
                yield from _unsaid(worker, message)
                worker.job = None

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    @property
    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.job]

    @property
    def _taken(self) -> int:
        return sum(self._slots_of(worker.job.threads) for worker in self._workers if worker.job)

    def _slots_of(self, threads: int) -> int:
        return min(threads, self._slots) if self._environment.device.startswith("cpu") else 1

    def _start(self, threads: int) -> _Worker:
        here, there = socket.socketpair()
        taken = [worker.gpu for worker in self._workers]
        gpu = min(self._gpus, key=taken.count, default=None)
        output = tempfile.TemporaryFile()  # noqa: SIM115
        with there:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _SERVE, str(there.fileno()), self._runner],
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | self._variables(threads) | ({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {}),
            )
        connection = Connection(here.detach())
        self._workers.append(_Worker(process, connection, output, threads, gpu))
        return self._workers[-1]

    def _variables(self, threads: int) -> dict[str, str]:
        offline = {"HF_HUB_OFFLINE": "1"} if self._environment.offline else {}
        path = os.pathsep.join(entry for entry in sys.path if entry)
        return dict.fromkeys(_THREADS, str(threads)) | offline | {"PYTHONPATH": path, "TOKENIZERS_PARALLELISM": "false"}

    def _remove(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.stop()

    def _bury(self, worker: _Worker) -> Iterator[Event]:
        worker.process.wait()
        message, hint = _obituary(worker)
        self._remove(worker)
        for key in tuple(worker.begun or worker.left)[: len(worker.begun) or 1]:
            del worker.left[key]
            yield Event(key=key, kind="failed", message=message, hint=hint)
        if worker.left:
            self.submit(tuple(worker.left.values()))


def _unsaid(worker: _Worker, ended: Ended) -> Iterator[Event]:
    """Stages that a job left without a word have failed."""
    for key in worker.left:
        yield Event(key=key, kind="failed", message=ended.error or "the job ended without a word on this stage")


def _obituary(worker: _Worker) -> tuple[str, str]:
    code = worker.process.returncode
    worker.output.seek(0)
    last = worker.output.read()[-2000:].decode(errors="replace").strip()
    cause = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    hint = "most often memory ran out: use fewer --workers or smaller `batch_tokens`" if code == -9 else ""
    return f"its worker process {cause}" + (f"\n{last}" if last else ""), hint
