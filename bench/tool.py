"""Overhead of the tool itself: importing, help, planning, and a run whose stages are all in the store.

    python bench/tool.py [rounds]

Targets, as median wall seconds of fresh processes with a warm file cache: `import xstilts` 0.15, `--help` 0.6, `plan
quickstart` 1; for a graph of 10,000 stages, `plan` on the command line with an empty store 2 and a fully cached run 10.
Memory grows by less than a third from 1,000 to 10,000 stages. Measured in this order with other load: 0.02, 0.20, 0.82,
1.88, 2.87 (CPU seconds: 0.02, 0.13, 0.58, 1.29, 2.00); 42 to 50 MB.

The graph is `quickstart` with more seeds, shots and draws. Its store is filled without training: each stage has a valid
manifest and one small file. A cached run is what `xstilts run` does before its report (the statistics of a report would
need real scores). CPU seconds are reported too because they are more reliable with other load.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import harness

TARGETS = {"import xstilts": 0.15, "--help": 0.6, "plan quickstart": 1.0, "plan 10k": 2.0, "cached run 10k": 10.0}
"""Wall seconds."""
DRAWS = {"1k": 2, "3k": 5, "10k": 19}
"""The number of draws for a graph of about that many stages."""
COMMANDS = {"import xstilts": None, "--help": ("--help",), "plan quickstart": ("plan", "quickstart")}


def overrides(draws: int) -> tuple[str, ...]:
    return ("seeds=[0,1,2,3,4]", "fewshot.shots=[1,4,16]", f"fewshot.draws={draws}")


def _side(name: str, **settings: Any) -> harness.Side:
    return harness.Side(name=name, script=Path(__file__), settings={"threads": 1} | settings)


def main(rounds: int = 5) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stores = {size: f"{folder}/{size}" for size in DRAWS}
        for size, draws in DRAWS.items():
            _side(f"fill store {size}", action="fill", draws=draws, store=stores[size]).run()
        plan = ("plan", "quickstart", *(token for value in overrides(DRAWS["10k"]) for token in ("--set", value)))
        commands = COMMANDS | {"plan 10k": plan}
        sides = [
            *(
                _side(name, action="command", tokens=tokens, store=f"{folder}/empty")
                for name, tokens in commands.items()
            ),
            *(_side(f"cached run {size}", action="cached", draws=DRAWS[size], store=stores[size]) for size in DRAWS),
        ]
        report(harness.interleave(sides, rounds))


def report(runs: dict[str, list[harness.JsonDict]]) -> None:
    """Print medians and targets. The ratio of the result is that of the target closest to being missed."""
    names = ("seconds", "cpu_seconds", "peak_mb")
    medians = {side: {name: harness.median(side_runs, name) for name in names} for side, side_runs in runs.items()}
    ratios = {side: target / medians[side]["seconds"] for side, target in TARGETS.items()}
    print(f"\n{'tool':20}" + "".join(f"{name:>20}" for name in (*names, "target", "ratio")))
    for side, values in medians.items():
        target = f"{TARGETS[side]:20.4g}{ratios[side]:20.4g}" if side in TARGETS else ""
        print(f"{side:20}" + "".join(f"{value:20.4g}" for value in values.values()) + target)
    growth = medians["cached run 10k"]["peak_mb"] / medians["cached run 1k"]["peak_mb"]
    harness.print_result("tool", "target seconds", min(ratios.values()), runs, memory_growth=round(growth, 3))


def run_side(action: str, **settings: Any) -> None:
    {"fill": fill_store, "cached": cached_run, "command": command}[action](**settings)


def fill_store(draws: int, store: str, **_: Any) -> None:
    """Store every stage of the graph with a valid manifest and a placeholder file."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.facts import facts_for

    from xstilts.experiment import open_experiment

    os.fsync = lambda _: None  # durability does not matter here
    with harness.Clock() as clock:
        experiment = open_experiment("quickstart", store=store, overrides=overrides(draws), offline=True)
        for spec in experiment.graph.stages.values():
            with experiment.store.draft(spec) as draft:
                (draft.path / "items.parquet").write_bytes(spec.key.encode())
                draft.facts = facts_for(spec)
    harness.print_measurements(seconds=clock.seconds, stages=len(experiment.graph.stages))


def cached_run(draws: int, store: str, **_: Any) -> None:
    """Everything that `xstilts run` does before its report."""
    with harness.Clock() as clock:
        from xstilts.execution.preview import preview
        from xstilts.execution.run import run_graph
        from xstilts.experiment import open_experiment

        experiment = open_experiment("quickstart", store=store, overrides=overrides(draws), offline=True)
        assert not preview(experiment.graph, experiment.store).misses
        outcome = run_graph(experiment.graph, experiment.store, experiment.environment, 1, lambda _: None)
    assert len(outcome.hits) == len(experiment.graph.stages)
    harness.print_measurements(seconds=clock.seconds, cpu_seconds=time.process_time(), stages=len(outcome.hits))


def command(tokens: tuple[str, ...] | None, store: str, **_: Any) -> None:
    """Run a command (None: only `import xstilts`) in a new process and measure that process."""
    code = "import xstilts" if tokens is None else "from xstilts.cli import main; main()"
    store_option = ("--store", store) if tokens and "plan" in tokens else ()
    with harness.Clock() as clock:
        subprocess.run([sys.executable, "-c", code, *(tokens or ()), *store_option], capture_output=True, check=True)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    measurements = {"seconds": clock.seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime}
    print(json.dumps(measurements | {"peak_mb": round(usage.ru_maxrss / 1024)}))


if __name__ == "__main__":
    if settings := harness.side_settings():
        run_side(**settings)
    else:
        main(*map(int, sys.argv[1:]))
