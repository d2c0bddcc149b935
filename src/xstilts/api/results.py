"""What a run found: scores, the transfer matrix, the report, comparisons and claims."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.errors import UserError
from xstilts.execution.options import STORE
from xstilts.experiment import AnyRecipe, Experiment, open_experiment, recorded_experiments, require_resolved

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
    """The scores of a recipe (the last that was run, if none is named), or the answer to a SQL query.

    A query has the tables `scores` and `predictions`. Raises UserError where it is wrong.
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
    return write_report(reopen(recipe, store, overrides), out)


def write_report(experiment: Experiment, out: str | Path | None) -> "Summary":
    from xstilts.data.images import ImageLocations
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
        places=ImageLocations(cache=where.cache, offline=True, root=where.data_root),
    )


def reopen(recipe: AnyRecipe | None, store: str | Path, overrides: Sequence[str]) -> Experiment:
    """A named recipe, or the last one that was run into the store. Nothing is fetched.

    A named one that was run on another device, where `precision: auto` means something else, is that run's.
    """
    if recipe is not None:
        named = require_resolved(open_experiment(recipe, store=store, overrides=overrides, offline=True))
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
) -> "tuple[CheckedClaim, ...]":
    """The statements of a paper beside what the scores of a recipe say of them, each with a verdict.

    "verified" and "refuted" are said only of the paper's own encoder and data. Raises UserError for unknown statements.
    """
    from xstilts.analysis.claims import check_claims, load_statements
    from xstilts.analysis.matrix import transfer_of

    return check_claims(load_statements(statements), transfer_of(reopen(recipe, store, overrides)))
