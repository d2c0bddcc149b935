"""The verbs that follow a recipe: what it would take, run it, see how far it is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from xstilts.cli.options import (
    STORE,
    Json,
    Overrides,
    RecipeName,
    RecordedRecipe,
    RunFlags,
    StoreDir,
    print_json,
    print_summary,
    print_table,
)

if TYPE_CHECKING:
    from xstilts.planning.estimate import FlopsEstimate, KindEstimate

DEFAULTS = RunFlags()


def run(
    recipe: RecipeName,
    /,
    *,
    options: RunFlags = DEFAULTS,
    report: Annotated[Path | None, Parameter(help="<store>/reports/<recipe>.html if not given.")] = None,
    json: Json = False,
) -> None:
    """Run a recipe: what the store already holds is not done again. Ends with the scores and a report."""
    from xstilts.api import runs as api

    outcome = api.run(recipe, options, report=report, show=True)
    print_summary(outcome.summary, json=json)


def plan(
    recipe: RecipeName,
    /,
    *,
    options: RunFlags = DEFAULTS,
    tflops: Annotated[float, Parameter(help="Peak of a GPU, in 10^12 operations a second.")] = 312.0,
    utilisation: Annotated[float, Parameter(help="Part of that peak that is reached.")] = 0.4,
    json: Json = False,
) -> None:
    """Tell what a run would find and do: hits, misses, seconds, memory, disk, GPU-hours. Runs nothing."""
    from dataclasses import asdict

    from xstilts.api import runs as api
    from xstilts.planning.estimate import Processor

    processor = Processor(tflops=tflops, utilisation=utilisation)
    preview = api.plan(recipe, options, processor=processor)
    if json:
        return print_json(asdict(preview))
    found = preview.plan
    reckoned = {kind.kind: kind for kind in preview.flops.kinds}
    print_table(
        [
            {
                "stage": kind.kind,
                "hits": kind.hits,
                "misses": kind.misses,
                "time": format_duration(kind.seconds),
                "disk": format_size(kind.bytes),
                "memory": format_size(mebibytes(kind.peak_memory_mb)),
                **_reckoned(reckoned.get(kind.kind)),
            }
            for kind in found.kinds
        ]
    )
    print(f"{len(found.hits)} hits, {len(found.misses)} misses")
    print(f"time with {preview.workers} workers: {format_duration(preview.seconds)}")
    print(f"disk: {format_size(found.bytes)}; memory of each worker: {format_size(mebibytes(found.peak_memory_mb))}")
    _tell_work(preview.flops)
    if preview.unresolved:
        print(f"the Hub was not asked for the commits of {', '.join(preview.unresolved)}: keys are provisional")
    for lacking in preview.skipped:
        print(f"left out: {lacking}")
    for source in preview.to_fetch:
        print(f"to fetch: {source}")
    return None


def _reckoned(kind: "KindEstimate | None") -> dict[str, str]:
    if kind is None:
        return {"FLOPs": "", "GPU-hours": "", "weights": ""}
    known = f" ({kind.unknown} not known)" if kind.unknown and kind.flops is not None else ""
    return {
        "FLOPs": f"{format_count(kind.flops)}{known}",
        "GPU-hours": format_hours(kind.gpu_hours),
        "weights": format_estimated_size(kind.bytes),
    }


def _tell_work(work: "FlopsEstimate") -> None:
    if not work.kinds:
        return
    if work.flops is not None:
        rate = f"{work.processor.utilisation:.0%} of {work.processor.tflops:g} TFLOP/s"
        print(f"estimated: {format_count(work.flops)} FLOPs, {format_hours(work.gpu_hours)} GPU-hours at {rate}")
    print(f"weights that are kept: {format_estimated_size(work.bytes)}")
    if work.unknown:
        print(f"not known for {work.unknown} stages: {'; '.join(work.why)}")
    for assumed in work.assumed:
        print(f"lengths assumed: {assumed}")


def format_count(count: float | None) -> str:
    return "not known" if count is None else f"{count:.2e}" if count else "0"


def format_hours(count: float | None) -> str:
    return "not known" if count is None else f"{count:,.2f}" if count >= 0.005 or not count else "< 0.01"


def format_estimated_size(count: int | None) -> str:
    return "not known" if count is None else format_size(count)


def mebibytes(count: float | None) -> float | None:
    return None if count is None else count * 2**20


def format_duration(seconds: float | None) -> str:
    if seconds is None:
        return "not yet measured"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def format_size(count: float | None) -> str:
    if count is None:
        return "not yet measured"
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def status(
    recipe: RecordedRecipe = None, /, *, store: StoreDir = STORE, overrides: Overrides = (), json: Json = False
) -> None:
    """Show which stages of a recipe are done, running or missing."""
    from xstilts.api import runs as api

    rows = api.status(recipe, store=store, overrides=overrides)
    if json:
        return print_json(rows)
    return print_table([row | {"artifact": row["artifact"][:12]} for row in rows])
