"""The commands results, report and compare."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from xstilts.cli.options import STORE, Json, Overrides, RecordedRecipe, StoreDir, print_json, print_summary, print_table
from xstilts.errors import UserError

if TYPE_CHECKING:
    import polars as pl

Format = Literal["table", "csv", "latex"]


def results(
    recipe: RecordedRecipe = None,
    /,
    *,
    sql: Annotated[str | None, Parameter(help="A SQL query over the tables `scores` and `predictions`.")] = None,
    matrix: Annotated[bool, Parameter(help="The differences of intermediate arms by target.")] = False,
    format: Annotated[Format, Parameter(help="Output format.")] = "table",
    store: StoreDir = STORE,
    overrides: Overrides = (),
    json: Json = False,
) -> None:
    """Print the scores, one per row, or the result of a query, or the transfer matrix."""
    from xstilts.api import results as api

    if matrix and sql is not None:
        raise UserError("--matrix and --sql cannot be used together", "use one of them")
    if matrix:
        return _print_matrix(api.load_matrix(recipe, store=store, overrides=overrides), format, json=json)
    frame = api.load_results(recipe, store=store, overrides=overrides, sql=sql)
    if json:
        print_json(frame.to_dicts())
    elif format == "csv":
        sys.stdout.write(frame.write_csv())
    elif format == "latex":
        sys.stdout.write(latex(frame))
    elif sql is not None:
        print_table(frame.to_dicts(), frame.columns)
    else:
        print_table([row | {"artifact": row["artifact"][:12]} for row in frame.to_dicts()], _COLUMNS)
    return None


def _print_matrix(cells: "pl.DataFrame", format: Format, *, json: bool) -> None:
    """JSON and CSV have one row per cell, tables one row per arm."""
    if json or format == "csv":
        print_json(cells.to_dicts()) if json else sys.stdout.write(cells.write_csv())
        return
    from xstilts.analysis.matrix import wide_table

    frame = wide_table(cells)
    sys.stdout.write(latex(frame)) if format == "latex" else print_table(frame.to_dicts())


_COLUMNS = (
    *("task", "language", "intermediate", "method", "shots", "draw", "seed"),
    *("metric", "value", "items", "artifact"),
)


def latex(frame: "pl.DataFrame") -> str:
    """Rows as a booktabs table, with numbers to three decimal places."""
    alignment = "".join("r" if dtype.is_numeric() else "l" for dtype in frame.dtypes)
    header, *rows = [" & ".join(map(_escaped, row)) + r" \\" for row in (frame.columns, *frame.iter_rows())]
    lines = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", header, r"\midrule", *rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _escaped(value: object) -> str:
    text = "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
    text = text.replace("\\", r"\textbackslash ")
    return "".join(f"\\{character}" if character in "&%$#_{}" else character for character in text)


def report(
    recipe: RecordedRecipe = None,
    /,
    *,
    out: Annotated[Path | None, Parameter(help="<store>/reports/<recipe>.html if not given.")] = None,
    store: StoreDir = STORE,
    overrides: Overrides = (),
    json: Json = False,
) -> None:
    """Write the report of the stored results, and print its tables and sentences."""
    from xstilts.api import results as api

    print_summary(api.build_report(recipe, store=store, overrides=overrides, out=out), json=json)


_POINTS = ("difference", "low", "high", "minimum_detectable_effect")


def compare(
    treatment: Annotated[str, Parameter(help="An arm: intermediate/k/method, such as none/0 or english/4/full.")],
    baseline: Annotated[str, Parameter(help="The arm to compare it with.")],
    /,
    *,
    recipe: RecordedRecipe = None,
    task: Annotated[str | None, Parameter(help="Only this target.")] = None,
    store: StoreDir = STORE,
    overrides: Overrides = (),
    json: Json = False,
) -> None:
    """Compare two arms, paired over items: the mean over languages, and each language."""
    from dataclasses import asdict

    from xstilts.api import results as api

    differences = api.compare(treatment, baseline, recipe=recipe, task=task, store=store, overrides=overrides)
    rows = [asdict(difference) for difference in differences]
    if json:
        return print_json(rows)
    print_table([row | {name: f"{100 * row[name]:.1f}" for name in _POINTS} for row in rows])
    print("Differences are in points (0 to 100).")
    return None
