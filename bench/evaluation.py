"""Three heads on one frozen encoder, each scored in 20 languages: frozen layers run once for all three heads.

    python bench/evaluation.py [rounds]

Both sides run the engine's stages in one process with one thread, after a warm-up stage in another language. The
baseline clears the cached encodings before each head. (With several workers, each worker encodes a language once.) The
ratio is of CPU seconds.

Prediction: heads are cheap compared with 12 layers, so encoding once instead of three times is at least 2.5x as fast,
with identical predictions. Measured twice on one core of an AMD EPYC with other load: 17 and 19 s against 51 and 52 s
(2.9x and 2.7x), with identical predictions.
"""

import hashlib
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from shutil import copytree
from typing import Any

import harness

LANGUAGES = "ar, bg, cs, de, el, en, es, eu, fi, fr, hu, it, ml, ne, nl, pl, ru, th, vi, zh-CN"
WARM_UP = "da"
RECIPE = f"""
name: heads
seeds: [0, 1, 2]
targets:
  intent:
    languages: [{WARM_UP}, {LANGUAGES}]
    max_items: 200
    train: {{steps: 40, batch_size: 16, max_length: 64, frozen_layers: 12, head_learning_rate: 3.0e-3, evaluations: 1}}
"""
ONCE, PER_HEAD = "encoded once", "encoded for each head"


def _side(name: str, **settings: Any) -> harness.Side:
    return harness.Side(name=name, script=Path(__file__), settings={"threads": 1} | settings)


def main(rounds: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = f"{folder}/store"
        _side("train the heads", store=store, train=True).run()
        sides = [_side(ONCE, store=store, clear_cache=False), _side(PER_HEAD, store=store, clear_cache=True)]
        runs = harness.interleave(sides, rounds)
    digests = {run["digest"] for side_runs in runs.values() for run in side_runs}
    wall_seconds = {side: harness.median(side_runs, "seconds") for side, side_runs in runs.items()}
    harness.report_comparison(
        "evaluation",
        "one encoding per head",
        runs,
        ours=ONCE,
        theirs=PER_HEAD,
        value="cpu_seconds",
        wall_ratio=round(wall_seconds[PER_HEAD] / wall_seconds[ONCE], 3),
        same_predictions=len(digests) == 1,
    )


def train(store: str) -> None:
    from xstilts.stages.job import run_job

    experiment = _open(store)
    run_job(
        [spec for spec in experiment.graph.stages.values() if spec.kind != "evaluate"],
        experiment.environment,
        _raise_failure,
    )
    harness.print_measurements(seconds=0)


def evaluate(store: str, clear_cache: bool) -> None:
    from xstilts.stages import job

    with tempfile.TemporaryDirectory() as folder:
        experiment = _open(str(copytree(store, f"{folder}/store")))
        specs_by_head = defaultdict(list)
        for spec in experiment.graph.stages.values():
            if spec.kind == "evaluate":
                specs_by_head[spec.parent if spec.data.language != WARM_UP else WARM_UP].append(spec)
        job.run_job(specs_by_head.pop(WARM_UP)[:1], experiment.environment, _raise_failure)
        started = time.process_time()
        with harness.Clock() as clock:
            for specs in specs_by_head.values():
                if clear_cache:
                    job._activation_cache.cache_clear()
                job.run_job(specs, experiment.environment, _raise_failure)
        cpu_seconds = time.process_time() - started
        keys = sorted(spec.key for specs in specs_by_head.values() for spec in specs)
        predictions = b"".join((experiment.store.path(key) / "items.parquet").read_bytes() for key in keys)
    digest = hashlib.sha256(predictions).hexdigest()
    harness.print_measurements(seconds=clock.seconds, cpu_seconds=cpu_seconds, stages=len(keys), digest=digest)


def _open(store: str) -> Any:
    from xstilts.experiment import open_experiment

    path = Path(store).with_name("heads.yaml")
    path.write_text(RECIPE)
    return open_experiment(path, store=store)


def _raise_failure(event: Any) -> None:
    if event.kind == "failed":
        raise RuntimeError(event.message)


if __name__ == "__main__":
    match harness.side_settings():
        case None:
            main(*map(int, sys.argv[1:]))
        case {"train": True, "store": store}:
            train(store)
        case {"store": store, "clear_cache": clear_cache}:
            evaluate(store, clear_cache)
