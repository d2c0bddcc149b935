"""The commands run, plan and status."""

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
from xstilts.plurals import plural

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
    """Run the missing stages of a recipe, write its report and print the scores."""
    from xstilts.api import runs as api

    outcome = api.run(recipe, options, report=report, show=True)
    print_summary(outcome.summary, json=json)


def plan(
    recipe: RecipeName,
    /,
    *,
    options: RunFlags = DEFAULTS,
    tflops: Annotated[float, Parameter(help="Peak of the GPU, in TFLOP/s.")] = 312.0,
    utilisation: Annotated[float, Parameter(help="Fraction of the peak that is reached.")] = 0.4,
    json: Json = False,
) -> None:
    """List cached and missing stages, and estimate time, memory, disk and GPU-hours. Runs nothing."""
    from dataclasses import asdict

    from xstilts.api import runs as api
    from xstilts.planning.estimate import Processor

    processor = Processor(tflops=tflops, utilisation=utilisation)
    preview = api.plan(recipe, options, processor=processor)
    if json:
        return print_json(asdict(preview))
    forecast = preview.plan
    estimates = {kind.kind: kind for kind in preview.flops.kinds}
    print_table(
        [
            {
                "stage": kind.kind,
                "hits": kind.hits,
                "misses": kind.misses,
                "time": format_duration(kind.seconds),
                "disk": format_size(kind.bytes),
                "memory": format_mib(kind.peak_memory_mb),
                **_estimate_columns(estimates.get(kind.kind)),
            }
            for kind in forecast.kinds
        ]
    )
    print(f"{plural(len(forecast.hits), 'hit')}, {plural(len(forecast.misses), 'miss', 'misses')}")
    print(f"time with {plural(preview.workers, 'worker')}: {format_duration(preview.seconds)}")
    print(f"disk: {format_size(forecast.bytes)}; memory per worker: {format_mib(forecast.peak_memory_mb)}")
    _print_estimate(preview.flops)
    if preview.unresolved:
        print(f"keys are provisional, because commits are unknown: {', '.join(preview.unresolved)}")
    for warning in preview.warnings:
        print(f"warning: {warning}")
    if preview.unchecked:
        print(f"not checked, because they are not downloaded: {', '.join(preview.unchecked)}")
    for overlap in preview.overlaps:
        print(f"overlap: {overlap}")
    for request in preview.skipped:
        print(f"skipped: {request}")
    for source in preview.to_fetch:
        print(f"to download: {source}")
    return None


def _estimate_columns(kind: "KindEstimate | None") -> dict[str, str]:
    if kind is None:
        return {"FLOPs": "", "GPU-hours": "", "weights": ""}
    unknown = f" ({kind.unknown} unknown)" if kind.unknown and kind.flops is not None else ""
    return {
        "FLOPs": f"{format_count(kind.flops)}{unknown}",
        "GPU-hours": format_hours(kind.gpu_hours),
        "weights": format_estimated_size(kind.bytes),
    }


def _print_estimate(estimate: "FlopsEstimate") -> None:
    if not estimate.kinds:
        return
    if estimate.flops is not None:
        rate = f"{estimate.processor.utilisation:.0%} of {estimate.processor.tflops:g} TFLOP/s"
        hours = format_hours(estimate.gpu_hours)
        print(f"estimated: {format_count(estimate.flops)} FLOPs, {hours} GPU-hours at {rate}")
    print(f"stored weights: {format_estimated_size(estimate.bytes)}")
    if estimate.unknown:
        print(f"unknown for {plural(estimate.unknown, 'stage')}: {'; '.join(estimate.why)}")
    for assumption in estimate.assumed:
        print(f"assumed lengths: {assumption}")


def format_count(count: float | None) -> str:
    return "unknown" if count is None else f"{count:.2e}" if count else "0"


def format_hours(count: float | None) -> str:
    return "unknown" if count is None else f"{count:,.2f}" if count >= 0.005 or not count else "< 0.01"


def format_estimated_size(count: int | None) -> str:
    return "unknown" if count is None else format_size(count)


def format_mib(count: float | None) -> str:
    return format_size(None if count is None else count * 2**20)


def format_duration(seconds: float | None) -> str:
    if seconds is None:
        return "not yet measured"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


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
