"""What a scheduler asks of whatever runs its stages: local processes, or machines elsewhere."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from xstilts.errors import UserError

if TYPE_CHECKING:
    from xstilts.execution.environment import Environment, Event
    from xstilts.planning.specs import Spec

RUN_JOB = "xstilts.stages.job.run_job"
"""The function that executors call with the stages of a job, as a dotted path: this package imports no torch."""


class Executor(Protocol):
    """Runs jobs side by side. A job is a sequence of stages, each after its inputs, for one process.

    The scheduler calls all methods from one thread. It holds the locks of the stages, and submits a job only once all
    inputs from other jobs are in the store. Where and when a job runs must never change what it computes.
    """

    @property
    def memory_mb(self) -> float | None:
        """Memory in MiB that all jobs may take together; None where the executor itself finds memory for each job."""
        ...

    @property
    def idle(self) -> bool:
        """Whether no job is queued or running. While it is False, `poll` must sooner or later yield events."""
        ...

    def can_start(self, threads: int) -> bool:
        """Whether a job of so many threads may be submitted now.

        An idle executor must say True: a job that asks for more threads than there are gets all of them.
        """
        ...

    def submit(self, specs: "tuple[Spec, ...]", memory_mb: float) -> None:
        """Start a job, without waiting for it. `memory_mb` is its expected peak in MiB, 0 where nothing is known.

        A failure to start is not raised but yielded by `poll` as failed stages.
        """
        ...

    def poll(self, seconds: float) -> "Iterator[Event]":
        """Yield the events that arrive within so many seconds, and return at once after those that are waiting.

        Guarantees:
        - The events of one stage arrive in order: `started`, any number of `progress`, then `finished` or `failed`.
          `started` may be missing where a stage fails before it begins.
        - Every submitted stage ends exactly once, with `finished` or `failed`, whatever happens to its worker. When a
          worker dies, the stages that it had begun fail (or its first one, if it had begun none), with the reason as
          `message`; the others of its job run in a new worker.
        - When `finished` is yielded, the artifact is complete in `Environment.store` and visible to this process.
        """
        ...

    def close(self) -> None:
        """Stop all jobs at once and release what the executor holds. Artifacts that are complete stay.

        Called once, also after an exception or an interrupt. No worker may outlive the calling process, even where it
        is killed and `close` is never called.
        """
        ...


@runtime_checkable
class MeasuresMemory(Protocol):
    """An optional capability: an executor that can tell how much memory its workers take."""

    def used_memory_mb(self) -> float:
        """Memory of all workers together at this moment, in MiB."""
        ...


class ExecutorType(Protocol):
    """A class of executors, as the registry names it."""

    def __call__(self, environment: "Environment", workers: int, runner: str) -> Executor:
        """An executor of at most `workers` jobs at once, each of which calls the function at dotted path `runner`."""
        ...

    @property
    def default_workers(self) -> Callable[[str], int]:
        """The number of workers for a device, where the user gives none."""
        ...


EXECUTORS: dict[str, str] = {
    "local": "xstilts.execution.local:LocalExecutor",
}
"""Each executor's name and its class, as module:class. To add one, write a module and add a line."""


def executor_type(name: str) -> ExecutorType:
    """The executor of that name. Raises UserError for an unknown one."""
    if name not in EXECUTORS:
        raise UserError(f"unknown executor {name!r}", f"choose one of {', '.join(EXECUTORS)}")
    module, _, attribute = EXECUTORS[name].partition(":")
    return getattr(import_module(module), attribute)
