"""The results of a run: scores, transfer matrix, report, comparisons and claims."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.errors import UserError
from xstilts.execution.options import STORE
from xstilts.experiment import (
    AnyRecipe,
    Experiment,
    open_experiment,
    recorded_experiments,
    recorded_warnings,
    require_resolved,
)

if TYPE_CHECKING:
    import polars as pl

    from xstilts.analysis.claims import CheckedClaim
    from xstilts.analysis.compare import Difference
    from xstilts.report.build import Summary


def score_table(experiment: Experiment) -> "pl.DataFrame":
    from xstilts.analysis.results import scores

    return scores(experiment.graph.cells, experiment.store, experiment.recipe.name)


def load_results(
    recipe: AnyRecipe | None = None,
    *,
    store: str | Path = STORE,
    overrides: Sequence[str] = (),
    sql: str | None = None,
) -> "pl.DataFrame":
    """The scores of a recipe (by default the last one that was run), or the result of a SQL query.

    Queries can use the tables `scores` and `predictions`. Raises UserError for an invalid query.
    """
    experiment = reopen(recipe, store, overrides)
    frame = score_table(experiment)
    if sql is None:
        return frame
    from xstilts.analysis.results import predictions, query

    return query({"scores": frame, "predictions": predictions(experiment.graph.cells, experiment.store)}, sql)


def load_matrix(
    recipe: AnyRecipe | None = None, *, store: str | Path = STORE, overrides: Sequence[str] = ()
) -> "pl.DataFrame":
    """The transfer matrix: zero-shot differences of each intermediate arm to the baseline on each target, in points.

    One row per cell, with a 95% interval, and one per target for the arm that development data select. Raises UserError
    if the recipe has no intermediate arms.
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
    """Write the report of the stored results as one HTML file, by default `<store>/reports/<recipe>.html`."""
    return write_report(reopen(recipe, store, overrides), out)


def write_report(experiment: Experiment, out: str | Path | None) -> "Summary":
    from xstilts.data.images import ImageLocations
    from xstilts.report.build import build

    path = Path(out) if out else experiment.store.root / "reports" / f"{experiment.recipe.name}.html"
    loaded, environment = experiment.loaded, experiment.environment
    return build(
        experiment.recipe,
        experiment.graph,
        experiment.store,
        path,
        tasks=loaded.tasks,
        text=loaded.text,
        places=ImageLocations(cache=environment.cache, offline=True, root=environment.data_root),
        warnings=recorded_warnings(experiment),
    )


def reopen(recipe: AnyRecipe | None, store: str | Path, overrides: Sequence[str]) -> Experiment:
    """The named recipe, or the last one that was run with the store. Nothing is downloaded.

    If the named recipe was run before, `precision: auto` means what it meant in that run, maybe on another device.
    """
    if recipe is not None:
        named = require_resolved(open_experiment(recipe, store=store, overrides=overrides, offline=True))
        recorded = (run for run in recorded_experiments(store) if run.loaded.recipe == named.loaded.recipe)
        return next(recorded, named)
    if overrides:
        raise UserError("--set needs a recipe, but none is named", "name the recipe")
    if not (recorded := recorded_experiments(store)):
        raise UserError(f"the store {store}/ has no runs", "name a recipe, or another --store")
    return recorded[0]


def compare(
    treatment: str,
    baseline: str,
    *,
    recipe: AnyRecipe | None = None,
    task: str | None = None,
    store: str | Path = STORE,
    overrides: Sequence[str] = (),
) -> "tuple[Difference, ...]":
    """The difference between two arms (`intermediate/k/method`), paired over items: for each target, the mean over its
    headline languages and each language. Raises UserError for an unknown arm.
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
) -> "tuple[CheckedClaim, ...]":
    """The statements of a paper, checked against the scores of a recipe, each with a verdict.

    The verdicts "verified" and "refuted" need the encoder and data of the paper. Raises UserError for unknown
    statements.
    """
    from xstilts.analysis.claims import check_claims, load_statements
    from xstilts.analysis.matrix import transfer_of

    return check_claims(load_statements(statements), transfer_of(reopen(recipe, store, overrides)))
