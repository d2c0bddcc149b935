"""The transfer matrix as a data frame."""

import polars as pl

from xstilts.analysis.design import design_of
from xstilts.analysis.names import ABSENT, signed
from xstilts.analysis.transfer import CHOSEN_ARM, EstimateOrReason, Transfer
from xstilts.errors import UserError
from xstilts.experiment import Experiment

CHOSEN_ON_DEV = "best on development data"
"""The title of the row of `CHOSEN_ARM`."""
_SCHEMA = {
    "intermediate": pl.String,
    "target": pl.String,
    "metric": pl.String,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p_value": pl.Float64,
    "languages": pl.Int64,
    "seeds": pl.Int64,
    "why": pl.String,
}


def transfer_of(experiment: Experiment, resamples: int = 10_000) -> Transfer:
    """The effects of intermediate training in a recipe, from the scores in its store."""
    recipe, graph, tasks = experiment.recipe, experiment.graph, experiment.loaded.tasks
    designs = [design_of(recipe, graph.cells, tasks[name]) for name in recipe.targets]
    return Transfer(recipe, graph, experiment.store, designs, resamples=resamples)


def matrix(experiment: Experiment) -> pl.DataFrame:
    """One row per intermediate arm and target: the zero-shot difference to the baseline in points.

    Raises UserError if the recipe lacks an arm with, or an arm without, intermediate training.
    """
    transfer = transfer_of(experiment)
    if transfer.baseline is None or not transfer.arms:
        raise UserError(
            "a transfer matrix needs an arm with and an arm without intermediate training",
            "add the missing arm to `intermediate` in the recipe",
        )
    return pl.DataFrame(matrix_rows(transfer), schema=_SCHEMA, orient="row")


def wide_table(cells: pl.DataFrame) -> pl.DataFrame:
    """One row per arm and one column per target; each cell is a difference with its 95% CI."""
    rows: dict[str, dict[str, str]] = {}
    for cell in cells.iter_rows(named=True):
        low, high = (None if cell[name] is None else signed(cell[name] / 100) for name in ("low", "high"))
        text = ABSENT if low is None else f"{signed(cell['difference'] / 100)} ({low} to {high})"
        rows.setdefault(cell["intermediate"], {"intermediate": cell["intermediate"]})[cell["target"]] = text
    return pl.DataFrame(list(rows.values()))


def matrix_rows(transfer: Transfer) -> list[dict[str, object]]:
    """The cells of the matrix in points; `why` gives the reason if a cell has no numbers."""
    return [
        {"intermediate": title, "target": task, "metric": design.task.metric, **_columns(transfer.effect((task,), arm))}
        for title, arm in (*((arm, arm) for arm in transfer.arms), (CHOSEN_ON_DEV, CHOSEN_ARM))
        for task, design in transfer.designs.items()
    ]


def _columns(effect: EstimateOrReason) -> dict[str, object]:
    if isinstance(effect, str):
        missing = dict.fromkeys(("difference", "low", "high", "p_value", "languages", "seeds"))
        return {**missing, "why": effect}
    return {
        "difference": 100 * effect.value,
        "low": 100 * effect.low,
        "high": 100 * effect.high,
        "p_value": effect.p_value,
        "languages": len(effect.languages),
        "seeds": effect.seeds,
        "why": None,
    }
