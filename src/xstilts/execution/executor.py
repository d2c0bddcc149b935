"""The protocol of executors, which run jobs in local processes or elsewhere."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from xstilts.errors import UserError

if TYPE_CHECKING:
    from xstilts.execution.environment import Environment, Event
    from xstilts.planning.specs import Spec

RUN_JOB = "xstilts.stages.job.run_job"
"""The function that runs the stages of a job. It is a dotted path, because this package imports no torch."""


class Executor(Protocol):
    """Runs jobs in parallel. A job is a sequence of stages, each after its inputs, for one process.

    The scheduler calls all methods from one thread. It holds the locks of the stages, and submits a job when all inputs
    from other jobs are in the store. Where and when a job runs must not change what it computes.
    """

    @property
    def memory_mb(self) -> float | None:
        """Memory in MiB for all jobs together; None if the executor allocates memory for each job."""
        ...

    @property
    def idle(self) -> bool:
        """Whether no job is queued or running. While it is False, `poll` must eventually yield events."""
        ...

    def can_start(self, threads: int) -> bool:
        """Whether a job with this number of threads may be submitted now.

        Must be True for an idle executor: a job that needs more threads than exist gets all of them.
        """
        ...

    def submit(self, specs: "tuple[Spec, ...]", memory_mb: float) -> None:
        """Start a job without waiting for it. `memory_mb` is its expected peak in MiB, 0 if unknown.

        A failure to start is not raised; `poll` yields it as failed stages.
        """
        ...

    def poll(self, seconds: float) -> "Iterator[Event]":
        """Wait at most this many seconds for events, and yield those that have arrived.

        Guarantees:
        - The events of one stage arrive in order: `started`, any number of `progress`, then `finished` or `failed`.
          `started` may be missing if a stage fails before it begins. A `warning` may come at any time.
        - Every submitted stage ends exactly once, with `finished` or `failed`, whatever happens to its worker. When a
          worker dies, its started stages fail (or the first stage, if none has started), with the reason as `message`;
          the other stages of the job run in a new worker.
        - A stage that runs longer than `Environment.stage_timeout` is stopped and fails.
        - When `finished` is yielded, the artifact is complete in `Environment.store` and visible to this process.
        """
        ...

    def close(self) -> None:
        """Stop all jobs at once and release all resources. Complete artifacts stay.

        Called once, also after an exception or an interrupt. No worker may outlive the calling process, even if that is
        killed and `close` is never called.
        """
        ...


@runtime_checkable
class MeasuresMemory(Protocol):
    """An executor that measures the memory of its workers (optional)."""

    def used_memory_mb(self) -> float:
        """The present memory of all workers in MiB."""
        ...


class ExecutorType(Protocol):
    """A class of executors in the registry."""

    def __call__(self, environment: "Environment", workers: int, runner: str) -> Executor:
        """An executor of at most `workers` parallel jobs, which call the function at dotted path `runner`."""
        ...

    @property
    def default_workers(self) -> Callable[[str], int]:
        """The default number of workers for a device."""
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
