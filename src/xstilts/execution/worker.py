"""The worker process: runs one job after another until its parent closes the pipe or dies."""

import importlib
import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue

from xstilts.execution.environment import Emit, Environment, Event
from xstilts.planning.specs import Spec

RunJob = Callable[[Sequence[Spec], Environment, Emit], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Stages for one worker, each after its inputs."""

    specs: tuple[Spec, ...]
    number: int

    @property
    def threads(self) -> int:
        return max(spec.threads for spec in self.specs)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnded:
    """The end of a job; `error` is the traceback of an unexpected exception."""

    number: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Sent every `HEARTBEAT_SECONDS` while a job runs, by a thread of its own: the process is neither stopped nor
    stuck."""


HEARTBEAT_SECONDS = 5.0


def serve(descriptor: int, runner: str) -> None:
    """Call the function at dotted path `runner` with each job that arrives through the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the parent handles interrupts
    connection, sending = Connection(descriptor), threading.Lock()

    def send(message: Event | JobEnded | Heartbeat) -> None:
        with sending:  # warnings may come from several threads
            connection.send(message)

    inbox: SimpleQueue[tuple[Job, Environment]] = SimpleQueue()
    busy = threading.Event()
    threading.Thread(target=_receive, args=(connection, inbox), daemon=True).start()
    threading.Thread(target=_send_heartbeats, args=(busy, send), daemon=True).start()
    while True:
        job, environment = inbox.get()
        busy.set()
        ended = _run(job, environment, runner, send)
        busy.clear()
        send(ended)


def _send_heartbeats(busy: threading.Event, send: Callable[[Heartbeat], None]) -> None:
    while busy.wait():
        with suppress(OSError):  # `_receive` ends the process when the parent is gone
            send(Heartbeat())
        time.sleep(HEARTBEAT_SECONDS)


def _receive(connection: Connection, inbox: "SimpleQueue[tuple[Job, Environment]]") -> None:
    """Ends this process, whatever it is doing, when the parent dies."""
    while True:
        try:
            inbox.put(connection.recv())
        except (EOFError, OSError):
            os._exit(1)


def _run(job: Job, environment: Environment, runner: str, emit: Emit) -> JobEnded:
    warnings = _WarningEvents(job, emit)
    logger = logging.getLogger("xstilts")
    logger.addHandler(warnings)
    try:
        module, _, name = runner.rpartition(".")
        run_job: RunJob = getattr(importlib.import_module(module), name)
        run_job(job.specs, environment, emit)
    except Exception:
        return JobEnded(number=job.number, error=traceback.format_exc())
    finally:
        logger.removeHandler(warnings)
    return JobEnded(number=job.number)


class _WarningEvents(logging.Handler):
    """Sends the warnings of a job to the parent process, because nobody sees the worker's stderr."""

    def __init__(self, job: Job, emit: Emit) -> None:
        super().__init__(logging.WARNING)
        self._key, self._emit = job.specs[0].key, emit

    def emit(self, record: logging.LogRecord) -> None:
        self._emit(Event(key=self._key, kind="warning", message=record.getMessage()))
