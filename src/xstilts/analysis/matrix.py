"""The transfer matrix as rows."""

import polars as pl

from xstilts.analysis.design import design_of
from xstilts.analysis.names import ABSENT, signed
from xstilts.analysis.transfer import BEST, Result, Transfer
from xstilts.errors import UserError
from xstilts.experiment import Experiment

CHOSEN = "best on development data"
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
    """What intermediate training did in a recipe, as far as its store holds it."""
    recipe, graph, tasks = experiment.recipe, experiment.graph, experiment.loaded.tasks
    designs = [design_of(recipe, graph.cells, tasks[name]) for name in recipe.targets]
    return Transfer(recipe, graph, experiment.store, designs, resamples=resamples)


def matrix(experiment: Experiment) -> pl.DataFrame:
    """Intermediate arms by targets, one row for each cell: the difference to the baseline in points, zero-shot.

    Raises UserError where the recipe has no arm that trains, or none that does not.
    """
    transfer = transfer_of(experiment)
    if transfer.baseline is None or not transfer.arms:
        raise UserError(
            "the recipe has no arm with intermediate training beside one without", "a matrix compares such arms"
        )
    return pl.DataFrame(matrix_rows(transfer), schema=_SCHEMA, orient="row")


def wide(cells: pl.DataFrame) -> pl.DataFrame:
    """One row for each arm and one column for each target; each cell with its interval."""
    rows: dict[str, dict[str, str]] = {}
    for cell in cells.iter_rows(named=True):
        low, high = (None if cell[name] is None else signed(cell[name] / 100) for name in ("low", "high"))
        text = ABSENT if low is None else f"{signed(cell['difference'] / 100)} ({low} to {high})"
        rows.setdefault(cell["intermediate"], {"intermediate": cell["intermediate"]})[cell["target"]] = text
    return pl.DataFrame(list(rows.values()))


def matrix_rows(transfer: Transfer) -> list[dict[str, object]]:
    """One row for each cell of the matrix, in points; `why` says why a cell has no numbers."""
    return [
        {"intermediate": title, "target": task, "metric": design.task.metric, **_numbers(transfer.effect((task,), arm))}
        for title, arm in (*((arm, arm) for arm in transfer.arms), (CHOSEN, BEST))
        for task, design in transfer.designs.items()
    ]


def _numbers(effect: Result) -> dict[str, object]:
    if isinstance(effect, str):
        empty = dict.fromkeys(("difference", "low", "high", "p_value", "languages", "seeds"))
        return {**empty, "why": effect}
    numbers = {"difference": 100 * effect.value, "low": 100 * effect.low, "high": 100 * effect.high}
    return {
        **numbers,
        "p_value": effect.p_value,
        "languages": len(effect.languages),
        "seeds": effect.seeds,
        "why": None,
    }
