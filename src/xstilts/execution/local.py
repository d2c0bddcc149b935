"""Runs stages in local worker processes. They live as long as the run, so each imports torch only once."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection, wait
from typing import IO

import psutil

from xstilts.errors import UserError
from xstilts.execution.environment import Environment, Event
from xstilts.execution.executor import RUN_JOB
from xstilts.execution.worker import Heartbeat, Job, JobEnded
from xstilts.planning.specs import Spec
from xstilts.platform import memory
from xstilts.platform.hardware import gpus, usable_cores

_SERVE = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "from xstilts.execution.worker import serve; serve(int(sys.argv[1]), sys.argv[2])"
)
"""Interrupts are ignored before the imports, which take a second; only the parent handles them."""
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")


SILENCE_SECONDS = 30.0
"""Seconds without a message after which a worker is reported; a healthy one sends heartbeats more often."""


@dataclass(slots=True)
class _Worker:
    process: "subprocess.Popen[bytes]"
    connection: Connection
    output: IO[bytes]
    """Its stdout and stderr, which are shown only if it dies."""
    threads: int
    gpu: str | None = None
    """The only visible GPU, if the machine has several."""
    job: Job | None = None
    unfinished: dict[str, Spec] = field(default_factory=dict)
    """Stages of the job that have neither finished nor failed."""
    started: dict[str, None] = field(default_factory=dict)
    stage_since: float = 0.0
    """When its present stage started, by the monotonic clock."""
    last_message: float = 0.0
    reported: bool = False
    """Whether a warning says that it does not answer."""

    def assign(self, job: Job, environment: Environment) -> None:
        self.job, self.unfinished, self.started = job, {spec.key: spec for spec in job.specs}, {}
        self.stage_since = self.last_message = time.monotonic()
        self.reported = False
        self.connection.send((job, environment))

    def record(self, event: Event) -> None:
        """Update the state. After its last stage, the worker can be given a new job."""
        if event.kind in ("started", "finished", "failed"):
            self.stage_since = time.monotonic()
        if event.kind == "started":
            self.started[event.key] = None
        elif event.kind in ("finished", "failed"):
            self.unfinished.pop(event.key, None)
            self.started.pop(event.key, None)
            self.job = self.job if self.unfinished else None

    @property
    def present_stage(self) -> Spec:
        """The stage that it works on: the last one that started, or the first one of the job."""
        return self.unfinished[next(reversed(self.started), next(iter(self.unfinished)))]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.connection.close()
        self.output.close()


class LocalExecutor:
    """At most `workers` processes. On CPUs, a job with n threads counts as n workers; on GPUs it counts as one.

    On the device `cuda`, each worker sees one GPU: the one with the fewest workers. Raises UserError on Windows,
    where a child process cannot inherit a pipe by its number.
    """

    def __init__(self, environment: Environment, workers: int, runner: str = RUN_JOB) -> None:
        if os.name != "posix":
            raise UserError(
                "xstilts cannot run stages on Windows itself", "install and run it in WSL: see docs/guides/platforms.md"
            )
        self._environment, self._slots, self._runner = environment, workers, runner
        self._workers: list[_Worker] = []
        self._numbers = count()
        self._gpus = gpus() if environment.device == "cuda" else ()
        self.memory_mb = memory.available_mb()

    @staticmethod
    def default_workers(device: str) -> int:
        """One per GPU on `cuda`, one on a single GPU; on CPUs, the number of usable physical cores."""
        if not device.startswith("cpu"):
            return max(1, len(gpus())) if device == "cuda" else 1
        return max(1, min(psutil.cpu_count(logical=False) or 1, usable_cores()))

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(worker.process.pid for worker in self._workers)

    @property
    def idle(self) -> bool:
        return not self._busy

    def used_memory_mb(self) -> float:
        return memory.used_mb(self.pids)

    def can_start(self, threads: int) -> bool:
        used = sum(self._job_slots(worker.job.threads) for worker in self._workers if worker.job)
        return used + self._job_slots(threads) <= self._slots

    def submit(self, specs: tuple[Spec, ...], memory_mb: float = 0.0) -> None:
        """Assign the job to an idle worker, preferably with the same number of threads, else to a new worker."""
        job = Job(specs=specs, number=next(self._numbers))
        idle = [worker for worker in self._workers if worker.job is None]
        for worker in sorted(idle, key=lambda worker: worker.threads != job.threads):
            if worker.process.poll() is None:
                break
            self._remove(worker)
        else:
            worker = self._start(job.threads)
        with suppress(OSError):  # the worker has just died; `poll` handles it
            worker.assign(job, self._environment)

    def poll(self, seconds: float) -> Iterator[Event]:
        busy = {worker.connection: worker for worker in self._busy}
        for connection in wait(list(busy), seconds):
            worker = busy[connection]  # pyright: ignore[reportArgumentType]
            try:
                message: Event | JobEnded | Heartbeat = worker.connection.recv()
            except (EOFError, OSError):
                yield from self._replace_dead(worker)
                continue
            worker.last_message, worker.reported = time.monotonic(), False
            if isinstance(message, Event):
                worker.record(message)
                yield message
            elif isinstance(message, JobEnded) and worker.job and worker.job.number == message.number:
                reason = message.error or "the job ended without reporting on this stage"
                for key in worker.unfinished:
                    yield Event(key=key, kind="failed", message=reason)
                worker.job = None
        yield from self._check_times()

    def close(self) -> None:
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    @property
    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.job]

    def _job_slots(self, threads: int) -> int:
        return min(threads, self._slots) if self._environment.device.startswith("cpu") else 1

    def _start(self, threads: int) -> _Worker:
        parent_end, worker_end = socket.socketpair()
        used_gpus = [worker.gpu for worker in self._workers]
        gpu = min(self._gpus, key=used_gpus.count, default=None)
        output = tempfile.TemporaryFile()  # noqa: SIM115
        with worker_end:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _SERVE, str(worker_end.fileno()), self._runner],
                pass_fds=[worker_end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._worker_environment(threads, gpu),
            )
        connection = Connection(parent_end.detach())
        self._workers.append(_Worker(process, connection, output, threads, gpu))
        return self._workers[-1]

    def _worker_environment(self, threads: int, gpu: str | None) -> dict[str, str]:
        variables = os.environ | dict.fromkeys(_THREADS, str(threads)) | {"TOKENIZERS_PARALLELISM": "false"}
        variables |= {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
        variables |= {"HF_HUB_OFFLINE": "1"} if self._environment.offline else {}
        return variables | ({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})

    def _remove(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.stop()

    def _check_times(self) -> Iterator[Event]:
        """Stop stages that exceed the time limit, and report workers that do not answer."""
        now, limit = time.monotonic(), self._environment.stage_timeout
        for worker in [worker for worker in self._busy if worker.unfinished]:
            stage = worker.present_stage
            silence = now - worker.last_message
            if limit is not None and now - worker.stage_since > limit:
                worker.process.kill()
                message = f"it was stopped after {limit:g} s, the limit of --stage-timeout"
                yield from self._replace_dead(worker, message, "allow more time, or run it again without a limit")
            elif silence > SILENCE_SECONDS and not worker.reported:
                worker.reported = True
                message = (
                    f"the worker of {stage.title} (process {worker.process.pid}) has not answered for {silence:.0f} "
                    "seconds: it may be suspended or stuck; the run continues if it answers again"
                )
                yield Event(key=stage.key, kind="warning", message=message)

    def _replace_dead(self, worker: _Worker, message: str = "", hint: str = "") -> Iterator[Event]:
        """Fail the started stages of a dead worker, by default with its exit code; run the others in a new worker."""
        worker.process.wait()
        if not message:
            message, hint = _exit_reason(worker)
        self._remove(worker)
        for key in tuple(worker.started or worker.unfinished)[: len(worker.started) or 1]:
            del worker.unfinished[key]
            yield Event(key=key, kind="failed", message=message, hint=hint)
        if worker.unfinished:
            self.submit(tuple(worker.unfinished.values()))


def _exit_reason(worker: _Worker) -> tuple[str, str]:
    code = worker.process.returncode
    worker.output.seek(0)
    output = worker.output.read()[-2000:].decode(errors="replace").strip()
    cause = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    hint = "it probably ran out of memory: use fewer --workers or a smaller `batch_tokens`" if code == -9 else ""
    return f"its worker process {cause}" + (f"\n{output}" if output else ""), hint
