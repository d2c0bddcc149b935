"""What the tool itself costs: imports, help, plans, and a run that finds everything in the store.

    python bench/tool.py [rounds]

Predictions, in wall seconds of fresh processes with a warm file cache, medians: `import xstilts` 0.15, `--help` 0.6,
`plan quickstart` 1; of a graph of 10,000 stages 2 for the plan (by the command line, nothing in the store) and 10 for a
run that finds all. Memory grows by less than a third from 1,000 stages to 10,000. Measured, in this order, before the
other work of a busy machine: 0.02, 0.20, 0.82, 1.88, 2.87 (processor 0.02, 0.13, 0.58, 1.29, 2.00); 42 to 50 MB.

The graph is `quickstart` with more seeds, shots and draws. Its store is made without training anything: each stage has
a true manifest and one small file. A run is what `xstilts run` does before its report, whose statistics need scores.
Processor seconds are told beside, for a machine that does something else meanwhile.
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

PROMISES = {"import xstilts": 0.15, "--help": 0.6, "plan quickstart": 1.0, "plan 10k": 2.0, "hits 10k": 10.0}
DRAWS = {"1k": 2, "3k": 5, "10k": 19}
"""Draws of the shots that make graphs of about so many stages."""
COMMANDS = {"import xstilts": None, "--help": ("--help",), "plan quickstart": ("plan", "quickstart")}


def overrides(draws: int) -> tuple[str, ...]:
    return ("seeds=[0,1,2,3,4]", "fewshot.shots=[1,4,16]", f"fewshot.draws={draws}")


def side(name: str, **settings: Any) -> harness.Side:
    return harness.Side(name=name, script=Path(__file__), settings={"threads": 1} | settings)


def main(rounds: int = 5) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stores = {size: f"{folder}/{size}" for size in DRAWS}
        for size, draws in DRAWS.items():
            side(f"make {size}", do="make", draws=draws, store=stores[size]).run()
        plan = ("plan", "quickstart", *(token for one in overrides(DRAWS["10k"]) for token in ("--set", one)))
        commands = COMMANDS | {"plan 10k": plan}
        sides = [
            *(side(name, do="command", tokens=tokens, store=f"{folder}/empty") for name, tokens in commands.items()),
            *(side(f"hits {size}", do="hits", draws=DRAWS[size], store=stores[size]) for size in DRAWS),
        ]
        conclude(harness.interleave(sides, rounds))


def conclude(runs: dict[str, list[harness.Measured]]) -> None:
    """The ratio is of the promise that is closest to being missed."""
    names = ("seconds", "processor_seconds", "peak_mb")
    found = {side: {name: harness.median(measured, name) for name in names} for side, measured in runs.items()}
    kept = {side: promise / found[side]["seconds"] for side, promise in PROMISES.items()}
    print(f"\n{'tool':20}" + "".join(f"{name:>20}" for name in (*names, "promised", "ratio")))
    for side, values in found.items():
        promise = f"{PROMISES[side]:20.4g}{kept[side]:20.4g}" if side in PROMISES else ""
        print(f"{side:20}" + "".join(f"{value:20.4g}" for value in values.values()) + promise)
    growth = found["hits 10k"]["peak_mb"] / found["hits 1k"]["peak_mb"]
    harness.say("tool", "the promised seconds", min(kept.values()), runs, memory_growth=round(growth, 3))


def act(do: str, **settings: Any) -> None:
    {"make": make, "hits": hits, "command": command}[do](**settings)


def make(draws: int, store: str, **_: Any) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.facts import facts_for

    from xstilts.experiment import open_experiment

    os.fsync = lambda _: None  # it need not outlive a power cut
    with harness.Clock() as clock:
        experiment = open_experiment("quickstart", store=store, overrides=overrides(draws), offline=True)
        for spec in experiment.graph.stages.values():
            with experiment.store.draft(spec) as draft:
                (draft.path / "items.parquet").write_bytes(spec.key.encode())
                draft.facts = facts_for(spec)
    harness.tell(seconds=clock.seconds, stages=len(experiment.graph.stages))


def hits(draws: int, store: str, **_: Any) -> None:
    """What `xstilts run` does before its report."""
    with harness.Clock() as clock:
        from xstilts.execution.preview import preview
        from xstilts.execution.run import run_graph
        from xstilts.experiment import open_experiment

        opened = open_experiment("quickstart", store=store, overrides=overrides(draws), offline=True)
        assert not preview(opened.graph, opened.store).misses
        outcome = run_graph(opened.graph, opened.store, opened.environment, 1, lambda _: None)
    assert len(outcome.hits) == len(opened.graph.stages)
    harness.tell(seconds=clock.seconds, processor_seconds=time.process_time(), stages=len(outcome.hits))


def command(tokens: tuple[str, ...] | None, store: str, **_: Any) -> None:
    """A process of its own, which this one only waits for."""
    code = "import xstilts" if tokens is None else "from xstilts.cli import main; main()"
    where = ("--store", store) if tokens and "plan" in tokens else ()
    with harness.Clock() as clock:
        subprocess.run([sys.executable, "-c", code, *(tokens or ()), *where], capture_output=True, check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {"seconds": clock.seconds, "processor_seconds": used.ru_utime + used.ru_stime}
    print(json.dumps(found | {"peak_mb": round(used.ru_maxrss / 1024)}))


if __name__ == "__main__":
    if settings := harness.asked():
        act(**settings)
    else:
        main(*map(int, sys.argv[1:]))
