"""What the command line does with recipes, from Python."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.api.results import STORE, reopen, scores_of, write_report
from xstilts.errors import StageError, UserError
from xstilts.execution import run as engine
from xstilts.execution.local import LocalExecutor
from xstilts.execution.preview import Plan, preview
from xstilts.execution.progress import Progress
from xstilts.experiment import (
    AnyRecipe,
    Experiment,
    open_experiment,
    record_run,
)
from xstilts.planning.estimate import FlopsEstimate, Processor

if TYPE_CHECKING:
    import polars as pl

    from xstilts.report.build import Summary

_TOLD = 5
"""Failures that are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a run would find, do and fetch."""

    plan: Plan
    workers: int
    seconds: float | None
    """Expected with so many workers; None = not yet measured."""
    flops: FlopsEstimate
    """Of the misses, reckoned and not measured."""
    to_fetch: tuple[str, ...]
    unresolved: tuple[str, ...] = ()
    """What comes from the Hub at a commit that it was not asked for: keys are provisional, and so are hits."""
    skipped: tuple[str, ...] = ()
    """What the recipe asks for and its tasks do not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A recipe that was run, what the run did, and what it found out."""

    experiment: Experiment
    run: engine.Outcome
    summary: "Summary"

    def results(self) -> "pl.DataFrame":
        """One row for each score, with the columns of `xstilts.analysis.results.Score`."""
        return scores_of(self.experiment)


def run(
    recipe: AnyRecipe,
    *,
    store: str | Path = STORE,
    overrides: Sequence[str] = (),
    offline: bool = False,
    data_root: str | Path | None = None,
    workers: int | None = None,
    device: str = "cpu",
    report: str | Path | None = None,
    show: bool = False,
) -> Outcome:
    """Run what the store lacks of a recipe, and write its report. `show` tells the progress on stderr.

    `recipe` is a path, a shipped name or a Recipe. Benchmarks are read from their own files below `data_root`, or below
    XSTILTS_DATA_ROOT. Raises UserError for mistakes, StageError where a stage failed; what was finished is kept either
    way.
    """
    tell = _tell if show else _keep_quiet
    opened = open_experiment(recipe, store, overrides, offline=offline, device=device, root=_folder(data_root))
    experiment = opened.resolve(tell)
    found = preview(experiment.graph, experiment.store)
    if found.misses:
        experiment.fetch(tell)
    record_run(experiment)
    walked = _walk(experiment, found, _workers(workers, device), show)
    if walked.failed:
        raise _failure(walked)
    return Outcome(experiment=experiment, run=walked, summary=write_report(experiment, report))


def _walk(experiment: Experiment, found: Plan, workers: int, show: bool) -> engine.Outcome:
    graph, store, environment = experiment.graph, experiment.store, experiment.environment
    if not show:
        return engine.run(graph, store, environment, workers, _keep_quiet)
    with Progress(graph, found) as progress:
        walked = engine.run(graph, store, environment, workers, progress)
    counts = f"{len(walked.done)} stages run, {len(walked.hits)} found in the store"
    _tell(f"{counts}; {walked.seconds:.0f} s, at most {walked.peak_memory_mb:,.0f} MB of memory")
    return walked


def _failure(walked: engine.Outcome) -> StageError:
    lines = [f"{failure.title}: {failure.message}" for failure in walked.failed]
    skipped = f"; {len(walked.skipped)} that need them were not run" if walked.skipped else ""
    message = "\n  ".join([f"{len(lines)} stages failed{skipped}:", *lines[:_TOLD]])
    hints = dict.fromkeys(failure.hint for failure in walked.failed if failure.hint)
    return StageError(message, "; ".join(hints) or "what was finished is kept: run again to go on")


def _folder(path: str | Path | None) -> Path | None:
    if path is not None and not Path(path).expanduser().is_dir():
        raise UserError(f"{path} is no folder", "name the folder with the benchmarks' files")
    return None if path is None else Path(path).expanduser()


def _workers(asked: int | None, device: str) -> int:
    if asked is None:
        return LocalExecutor.default_workers(device)
    if asked < 1:
        raise UserError(f"{asked} workers can do nothing", "give --workers 1 or more")
    return asked


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def _keep_quiet(_: object) -> None: ...


def plan(
    recipe: AnyRecipe,
    *,
    store: str | Path = STORE,
    overrides: Sequence[str] = (),
    offline: bool = False,
    data_root: str | Path | None = None,
    workers: int | None = None,
    device: str = "cpu",
    processor: Processor | None = None,
) -> Preview:
    """What a run would find and do, and what that is expected to take. Nothing is run, nothing is fetched.

    `processor` says how fast a GPU is taken to be; an A100 at 40% of its peak if it is not given.
    """
    experiment = open_experiment(recipe, store, overrides, offline=offline, device=device, root=_folder(data_root))
    found, count = preview(experiment.graph, experiment.store), _workers(workers, device)
    return Preview(
        plan=found,
        workers=count,
        seconds=found.elapsed(count),
        flops=experiment.work(found.misses, processor or Processor()),
        to_fetch=experiment.missing() if found.misses else (),
        unresolved=experiment.unresolved,
        skipped=experiment.graph.skipped,
    )


def status(
    recipe: AnyRecipe | None = None, *, store: str | Path = STORE, overrides: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Each stage of a recipe and whether it is done, running, missing, or not needed (again)."""
    experiment = reopen(recipe, store, overrides)
    now = engine.status(experiment.graph, experiment.store)
    finished, missing = set(now.finished), set(now.missing)

    def state(key: str) -> str:
        if key in now.working:
            return f"running ({now.working[key]})"
        return "done" if key in finished else "missing" if key in missing else "not needed"

    return [
        {"artifact": key, "kind": stage.kind, "stage": stage.title, "state": state(key)}
        for key, stage in experiment.graph.stages.items()
    ]
