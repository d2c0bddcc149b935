"""Options and printing that commands share."""

import json as json_module
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from xstilts.execution.executor import EXECUTORS
from xstilts.execution.options import STORE, RunOptions

if TYPE_CHECKING:
    from xstilts.report.build import Summary

Json = Annotated[bool, Parameter(name="--json", help="Print JSON.")]
StoreDir = Annotated[Path, Parameter(name="--store", help="Folder with the artifacts.")]
Offline = Annotated[bool, Parameter(help="Make no downloads; list what is missing and stop.")]
Overrides = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        help="Override a field of the recipe, e.g. --set fewshot.shots=[1,4].",
        json_list=False,
        show_default=False,
    ),
]
Device = Annotated[str, Parameter(help="cpu; cuda, for all GPUs; or cuda:N.")]
RecordedRecipe = Annotated[
    str | None,
    Parameter(help="Path or shipped name of a recipe. [default: the last one that was run with the store]"),
]
RecipeName = Annotated[str, Parameter(help="Path or shipped name of a recipe.")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunFlags(RunOptions):
    """`RunOptions` as options of the command line."""

    store: StoreDir = STORE
    overrides: Overrides = ()
    offline: Offline = False
    data_root: Annotated[
        Path | None,
        Parameter(name="--data-root", help="Folder with native benchmark files. [default: $XSTILTS_DATA_ROOT]"),
    ] = None
    workers: Annotated[int | None, Parameter(help="Parallel jobs. [default: one per core, or per GPU]")] = None
    device: Device = "cpu"
    executor: Annotated[str, Parameter(help=f"Where stages run. [choices: {', '.join(EXECUTORS)}]")] = "local"
    stage_timeout: Annotated[
        float | None, Parameter(name="--stage-timeout", help="Seconds after which a stage fails. [default: never]")
    ] = None


def print_json(value: object) -> None:
    print(json_module.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_summary(summary: "Summary", *, json: bool) -> None:
    """Print the tables, the sentences and the path of a report."""
    if json:
        lines = {"primary": summary.primary, "sentences": summary.sentences, "notices": summary.notices}
        return print_json({**lines, "report": str(summary.path)})
    from rich.console import Console

    width = None if sys.stdout.isatty() else 160
    console = Console(highlight=False, emoji=False, width=width, soft_wrap=width is not None)
    for table in summary.tables:
        console.print(table)
    for line in (summary.primary, *summary.sentences, *summary.notices, f"report: {summary.path}"):
        console.print(line, markup=False)
    return None


def print_table(rows: Sequence[Mapping[str, object]], columns: Iterable[str] | None = None) -> None:
    """Print rows under a header, with numbers right-aligned. Wide cells are not truncated."""
    names = tuple(columns or (rows[0] if rows else ()))
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    numeric = [all(isinstance(row.get(name), int | float | None) for row in rows) for name in names]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    for line in [names, *cells]:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        )
        print("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case float():
            return f"{value:.3f}"
        case list() | tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)
