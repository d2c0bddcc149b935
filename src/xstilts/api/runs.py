"""Run a recipe, estimate its cost, and show its status."""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from xstilts.api.results import reopen, score_table, write_report
from xstilts.encoders import find_card
from xstilts.errors import StageError
from xstilts.execution.environment import Event
from xstilts.execution.options import STORE, RunKeywords, RunOptions
from xstilts.execution.preview import Plan, preview
from xstilts.execution.progress import Progress
from xstilts.execution.run import RunResult, graph_status, run_graph
from xstilts.experiment import AnyRecipe, Experiment, inspect_data, open_experiment, record_run
from xstilts.planning.estimate import FlopsEstimate, Processor, planned_steps
from xstilts.planning.overlaps import cached_overlaps
from xstilts.plurals import plural

if TYPE_CHECKING:
    import polars as pl

    from xstilts.report.build import Summary

_FAILURES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The cached and missing stages of a run, its downloads and its expected cost."""

    plan: Plan
    workers: int
    seconds: float | None
    """Expected with this number of workers; None = not yet measured."""
    flops: FlopsEstimate
    """FLOPs of the missing stages, estimated from their models and data."""
    to_fetch: tuple[str, ...]
    unresolved: tuple[str, ...] = ()
    """Hub repositories at unknown commits, as repository@revision: keys are provisional."""
    skipped: tuple[str, ...] = ()
    """Requests of the recipe that its tasks do not support."""
    warnings: tuple[str, ...] = ()
    """What to know of the files that the recipe names."""
    unchecked: tuple[str, ...] = ()
    """Data that the missing stages read and that are not checked, because they are not on this machine."""
    overlaps: tuple[str, ...] = ()
    """Splits that share items with training data or with pools of shots, as far as they are parsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a run: its stages and the summary of its report."""

    experiment: Experiment
    run: RunResult
    summary: "Summary"

    def results(self) -> "pl.DataFrame":
        """One row per score, with the columns of `xstilts.analysis.results.Score`."""
        return score_table(self.experiment)


def run(
    recipe: AnyRecipe,
    options: RunOptions | None = None,
    *,
    report: str | Path | None = None,
    show: bool = False,
    **keywords: Unpack[RunKeywords],
) -> Outcome:
    """Run the missing stages of a recipe and write its report. `show` prints progress to stderr.

    `recipe` is a path, a shipped name or a Recipe. Options are fields of `RunOptions`, as keywords or in one object:
    `run("recipe.yaml", workers=2, device="cuda")`. The report is written to `report`, by default
    `<store>/reports/<recipe>.html`. Raises UserError for invalid input, StageError if stages failed. Finished stages
    stay in the store in either case.
    """
    log = _log if show else _ignore
    experiment = open_experiment(recipe, options, **keywords).resolve(log)
    forecast = preview(experiment.graph, experiment.store)
    inspection = inspect_data(experiment, forecast.misses)
    if forecast.misses:
        experiment.fetch(log)
    if inspection.unchecked:
        inspection = inspect_data(experiment, forecast.misses)
    for warning in inspection.warnings:
        log(f"warning: {warning}")
    record_run(experiment, inspection.warnings)
    outcome = _run_stages(experiment, forecast, show)
    if outcome.failed:
        raise _failure(outcome)
    return Outcome(experiment=experiment, run=outcome, summary=write_report(experiment, report))


def _run_stages(experiment: Experiment, forecast: Plan, show: bool) -> RunResult:
    graph, store, environment, options = experiment.graph, experiment.store, experiment.environment, experiment.options
    if not show:
        return run_graph(graph, store, environment, options.job_count, _log_warning, executor=options.executor)
    steps = planned_steps(graph, forecast.misses, experiment.loaded.tasks, find_card(experiment.recipe.encoder))
    with Progress(graph, forecast, steps=steps) as progress:
        outcome = run_graph(graph, store, environment, options.job_count, progress, executor=options.executor)
    counts = f"{plural(len(outcome.done), 'stage')} run, {len(outcome.hits)} cached"
    _log(f"{counts}; {outcome.seconds:.0f} s, peak memory {outcome.peak_memory_mb:,.0f} MB")
    return outcome


def _failure(outcome: RunResult) -> StageError:
    lines = [f"{failure.title}: {failure.message}" for failure in outcome.failed]
    skipped = f"; {plural(len(outcome.skipped), 'dependent stage')} skipped" if outcome.skipped else ""
    message = "\n  ".join([f"{plural(len(lines), 'stage')} failed{skipped}:", *lines[:_FAILURES_SHOWN]])
    hints = dict.fromkeys(failure.hint for failure in outcome.failed if failure.hint)
    return StageError(message, "; ".join(hints) or "finished stages are stored: run again to continue")


def _log(line: str) -> None:
    print(line, file=sys.stderr)


def _log_warning(event: Event) -> None:
    if event.kind == "warning":
        logging.getLogger("xstilts").warning(event.message)


def _ignore(_: object) -> None: ...


def plan(
    recipe: AnyRecipe,
    options: RunOptions | None = None,
    *,
    processor: Processor | None = None,
    **keywords: Unpack[RunKeywords],
) -> Preview:
    """The cached and missing stages of a recipe, and the expected cost of the missing ones.

    Nothing is run or downloaded. Options are those of `run`. GPU-hours are estimated for `processor`, by default an
    A100 at 40% of its peak.
    """
    experiment = open_experiment(recipe, options, **keywords)
    forecast, workers = preview(experiment.graph, experiment.store), experiment.options.job_count
    inspection = inspect_data(experiment, forecast.misses)
    return Preview(
        plan=forecast,
        workers=workers,
        seconds=forecast.elapsed(workers),
        flops=experiment.estimate_flops(forecast.misses, processor or Processor()),
        to_fetch=experiment.missing_downloads() if forecast.misses else (),
        unresolved=experiment.unresolved,
        skipped=experiment.graph.skipped,
        warnings=inspection.warnings,
        unchecked=inspection.unchecked,
        overlaps=cached_overlaps(experiment.graph, experiment.loaded.tasks, experiment.environment.cache),
    )


def status(
    recipe: AnyRecipe | None = None, *, store: str | Path = STORE, overrides: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Each stage of a recipe with its state: done, running, missing or not needed."""
    experiment = reopen(recipe, store, overrides)
    stages = graph_status(experiment.graph, experiment.store)
    finished, missing = set(stages.finished), set(stages.missing)

    def state(key: str) -> str:
        if key in stages.running:
            return f"running ({stages.running[key]})"
        return "done" if key in finished else "missing" if key in missing else "not needed"

    return [
        {"artifact": key, "kind": stage.kind, "stage": stage.title, "state": state(key)}
        for key, stage in experiment.graph.stages.items()
    ]
