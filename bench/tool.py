"""What the tool itself costs: help, a plan, the errors of a bad recipe, and a large contrast.

    python bench/tool.py [rounds]

Prediction: half a second of processor time for a plan, most of it imports; two seconds for the contrast. Medians of
wall seconds, the commands interleaved in every round. Measured: docs/performance.md, docs/statistics.md.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from xstilts import stats
from xstilts.metrics import score_frame


def command(*tokens: str) -> Callable[[], None]:
    script = [sys.executable, "-c", "from xstilts.cli import main; main()", *tokens]
    return lambda: void(subprocess.run(script, capture_output=True, cwd=tempfile.gettempdir(), check=False))


def void(_: object) -> None:
    pass


def contrast() -> Callable[[], None]:
    """A 2 x 2 interaction: 12 languages, 3 seeds x 3 draws, 240 items in 60 groups, 33 classes, 10,000 resamples."""
    rng = np.random.default_rng(0)
    items = [(f"i{i}", f"g{i // 4}") for i in range(240)]
    gold = [f"intent {i}" for i in rng.integers(0, 33, 240)]

    def cell():
        wrong, right = rng.integers(0, 33, 240), rng.random(240) < 0.6
        predicted = [g if r else f"intent {w}" for g, r, w in zip(gold, right, wrong, strict=True)]
        return score_frame("classification", items, gold, predicted)

    arms = [{f"l{n}": {(s, d): cell() for s in range(3) for d in range(3)} for n in range(12)} for _ in range(4)]
    return lambda: void(stats.contrast(list(zip((1, -1, -1, 1), arms, strict=True)), "macro_f1"))


def main(rounds: int = 5) -> None:
    bad = Path(tempfile.mkdtemp()) / "bad.yaml"
    bad.write_text("name: bad\ntargets: {intnet: {}}\nfewshot: {shots: [-4]}\n")
    runs = {
        "--help": command("--help"),
        "plan quickstart": command("plan", "quickstart"),
        "errors of a recipe": command("run", str(bad)),
        "large contrast": contrast(),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    medians = {name: round(statistics.median(values), 3) for name, values in seconds.items()}
    for name, value in medians.items():
        print(f"{name:24} {value:8.2f} s")
    print(json.dumps({"bench": "tool", "seconds": medians}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
