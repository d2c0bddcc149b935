"""What the command line does with recipes, from Python."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.errors import StageError, UserError
from xstilts.execution import run as engine
from xstilts.execution.executors import default_workers
from xstilts.execution.preview import Plan, preview
from xstilts.execution.progress import Progress
from xstilts.experiment import (
    AnyRecipe,
    Experiment,
    open_experiment,
    record_run,
    recorded_experiments,
    require_resolved,
)
from xstilts.planning.estimate import FlopsEstimate, Processor

if TYPE_CHECKING:
    import polars as pl

    from xstilts.analysis.claims import Checked
    from xstilts.analysis.compare import Difference
    from xstilts.report.build import Summary

STORE = Path("store")
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
        return _scores(self.experiment)


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
    return Outcome(experiment=experiment, run=walked, summary=_report(experiment, report))


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
        return default_workers(device)
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


def _scores(experiment: Experiment) -> "pl.DataFrame":
    from xstilts.analysis.results import scores

    return scores(experiment.graph.cells, experiment.store, experiment.recipe.name)


def load_results(
    recipe: AnyRecipe | None = None,
    *,
    store: str | Path = STORE,
    overrides: Sequence[str] = (),
    sql: str | None = None,
) -> "pl.DataFrame":
    """The scores of a recipe (the last that was run, if none is named), or the answer to a SQL query.

    A query has the tables `scores` and `predictions`. Raises UserError where it is wrong.
    """
    experiment = reopen(recipe, store, overrides)
    frame = _scores(experiment)
    if sql is None:
        return frame
    from xstilts.analysis.results import predictions, query

    return query({"scores": frame, "predictions": predictions(experiment.graph.cells, experiment.store)}, sql)


def load_matrix(
    recipe: AnyRecipe | None = None, *, store: str | Path = STORE, overrides: Sequence[str] = ()
) -> "pl.DataFrame":
    """Intermediate arms by targets: the difference to the arm without intermediate training, zero-shot, in points with
    its 95% interval; one row for each cell, and for the arm that development data choose.

    Raises UserError where the recipe has no such arms.
    """
    from xstilts.analysis.matrix import matrix

    return matrix(reopen(recipe, store, overrides))


def build_report(
    recipe: AnyRecipe | None = None,
    *,
    store: str | Path = STORE,
    overrides: Sequence[str] = (),
    out: str | Path | None = None,
) -> "Summary":
    """Write the report of what the store holds: one HTML file, `<store>/reports/<recipe>.html` if not told."""
    return _report(reopen(recipe, store, overrides), out)


def _report(experiment: Experiment, out: str | Path | None) -> "Summary":
    from xstilts.data.images import Places
    from xstilts.report.build import build

    path = Path(out) if out else experiment.store.root / "reports" / f"{experiment.recipe.name}.html"
    loaded, where = experiment.loaded, experiment.environment
    return build(
        experiment.recipe,
        experiment.graph,
        experiment.store,
        path,
        tasks=loaded.tasks,
        text=loaded.text,
        places=Places(cache=where.cache, offline=True, root=where.data_root),
    )


def reopen(recipe: AnyRecipe | None, store: str | Path, overrides: Sequence[str]) -> Experiment:
    """A named recipe, or the last one that was run into the store. Nothing is fetched.

    A named one that was run on another device, where `precision: auto` means something else, is that run's.
    """
    if recipe is not None:
        named = require_resolved(open_experiment(recipe, store, overrides, offline=True))
        return next((ran for ran in recorded_experiments(store) if ran.loaded.recipe == named.loaded.recipe), named)
    if overrides:
        raise UserError("--set overrides a recipe, and none is named", "name the recipe")
    if not (found := recorded_experiments(store)):
        raise UserError(f"nothing was run into {store}/", "name a recipe, or another --store")
    return found[0]


def compare(
    treatment: str,
    baseline: str,
    *,
    recipe: AnyRecipe | None = None,
    task: str | None = None,
    store: str | Path = STORE,
    overrides: Sequence[str] = (),
) -> "tuple[Difference, ...]":
    """The difference of two arms, `intermediate/k/method` each, paired over items: for each target the mean over its
    headline languages and each language. Raises UserError for an arm that the recipe does not have.
    """
    from xstilts.analysis.compare import differences, parse_arm

    arms = parse_arm(treatment), parse_arm(baseline)
    return differences(reopen(recipe, store, overrides), *arms, task)


def check_claims(
    recipe: AnyRecipe | None = None,
    *,
    store: str | Path = STORE,
    overrides: Sequence[str] = (),
    statements: str = "phang2020",
) -> "tuple[Checked, ...]":
    """The statements of a paper beside what the scores of a recipe say of them, each with a verdict.

    "verified" and "refuted" are said only of the paper's own encoder and data. Raises UserError for unknown statements.
    """
    from xstilts.analysis.claims import check, load_statements
    from xstilts.analysis.matrix import transfer_of

    return check(load_statements(statements), transfer_of(reopen(recipe, store, overrides)))
