"""The options of a run, gathered in one object."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict, Unpack

from xstilts.errors import UserError
from xstilts.execution.executor import executor_type

STORE = Path("store")
"""The store where none is named: a folder below the working directory."""


class RunKeywords(TypedDict, total=False):
    """The fields of `RunOptions` as keywords of functions, which also take strings for paths."""

    store: str | Path
    overrides: Sequence[str]
    offline: bool
    data_root: str | Path | None
    workers: int | None
    device: str
    executor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Where and how a recipe is run. Only `overrides` changes results.

    Raises UserError for fewer than one worker and for an unknown executor.
    """

    store: Path = STORE
    """Folder of the artifacts."""
    overrides: tuple[str, ...] = ()
    """Changes to fields of a recipe file, as `fewshot.shots=[1,4]`."""
    offline: bool = False
    """Fetch nothing."""
    data_root: Path | None = None
    """Folder of the benchmarks' own files; None = the folder named by XSTILTS_DATA_ROOT, if any."""
    workers: int | None = None
    """Jobs at once; None = as many as the executor finds right for the device."""
    device: str = "cpu"
    """`cpu`; `cuda`, for all GPUs; or `cuda:N`."""
    executor: str = "local"
    """A name in `execution.executor.EXECUTORS`."""

    def __post_init__(self) -> None:
        root = None if self.data_root is None else Path(self.data_root).expanduser()
        for name, value in (("store", Path(self.store)), ("overrides", tuple(self.overrides)), ("data_root", root)):
            object.__setattr__(self, name, value)
        if self.workers is not None and self.workers < 1:
            raise UserError(f"--workers must be at least 1, got {self.workers}")
        executor_type(self.executor)

    @property
    def job_count(self) -> int:
        """How many jobs run at once: `workers`, or the executor's default."""
        return self.workers or executor_type(self.executor).default_workers(self.device)


def run_options(options: RunOptions | None, **keywords: Unpack[RunKeywords]) -> RunOptions:
    """`options`, or the defaults, with the fields that are given as keywords."""
    return replace(options or RunOptions(), **keywords)
