"""The options of a run."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict, Unpack

from xstilts.errors import UserError
from xstilts.execution.executor import executor_type

_DEVICE = re.compile("cpu|cuda(:[0-9]+)?")

STORE = Path("store")
"""The default store, relative to the working directory."""


class RunKeywords(TypedDict, total=False):
    """The fields of `RunOptions` as keyword arguments; paths may be strings."""

    store: str | Path
    overrides: Sequence[str]
    offline: bool
    data_root: str | Path | None
    workers: int | None
    device: str
    executor: str
    stage_timeout: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of a run. Only `overrides` changes results.

    Raises UserError for fewer than one worker, a timeout that is not positive, and an unknown device or executor.
    """

    store: Path = STORE
    """Folder with the artifacts."""
    overrides: tuple[str, ...] = ()
    """Changes to fields of the recipe, such as `fewshot.shots=[1,4]`."""
    offline: bool = False
    """Make no downloads."""
    data_root: Path | None = None
    """Folder with the native files of benchmarks; None = XSTILTS_DATA_ROOT, if it is set."""
    workers: int | None = None
    """Number of parallel jobs; None = the executor's default for the device."""
    device: str = "cpu"
    """`cpu`; `cuda`, for all GPUs; or `cuda:N`."""
    executor: str = "local"
    """A name in `execution.executor.EXECUTORS`."""
    stage_timeout: float | None = None
    """Seconds after which a stage is stopped and fails; None = never."""

    def __post_init__(self) -> None:
        root = None if self.data_root is None else Path(self.data_root).expanduser()
        for name, value in (("store", Path(self.store)), ("overrides", tuple(self.overrides)), ("data_root", root)):
            object.__setattr__(self, name, value)
        if self.workers is not None and self.workers < 1:
            raise UserError(f"--workers must be at least 1, got {self.workers}")
        if self.stage_timeout is not None and not self.stage_timeout > 0:
            raise UserError(f"--stage-timeout must be positive, got {self.stage_timeout:g}")
        if not _DEVICE.fullmatch(self.device):
            raise UserError(
                f"unknown device {self.device!r}", "use cpu, cuda (all NVIDIA GPUs) or cuda:N (one of them)"
            )
        executor_type(self.executor)

    @property
    def job_count(self) -> int:
        """The number of parallel jobs: `workers`, or the executor's default."""
        return self.workers or executor_type(self.executor).default_workers(self.device)


def run_options(options: RunOptions | None, **keywords: Unpack[RunKeywords]) -> RunOptions:
    """`options` (or the defaults), updated with the keywords."""
    return replace(options or RunOptions(), **keywords)
