"""Three heads on one frozen encoder, each scored in 20 languages: layers that nobody trained are run once for all.

    python bench/evaluation.py [rounds]

Prediction: the heads cost little beside 12 layers, so one encoding instead of three is at least 2.5 times as fast, and
every prediction is the same. Both sides run the stages of the engine, in one process of one thread, after a stage in a
further language as a warm-up; the other side forgets what it encoded before each head. A run with several workers
encodes a language once in each of them. The ratio is of processor seconds. Measured twice on a core of an AMD EPYC that
had other work as well: 17 and 19 seconds against 51 and 52 (2.9 and 2.7 times as fast), and the same predictions.
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

SCORED = "ar, bg, cs, de, el, en, es, eu, fi, fr, hu, it, ml, ne, nl, pl, ru, th, vi, zh-CN"
WARM = "da"
RECIPE = f"""
name: heads
seeds: [0, 1, 2]
targets:
  intent:
    languages: [{WARM}, {SCORED}]
    max_items: 200
    train: {{steps: 40, batch_size: 16, max_length: 64, frozen_layers: 12, head_learning_rate: 3.0e-3, evaluations: 1}}
"""
SIDES = {"encoded once": False, "encoded for each head": True}


def side(name: str, **settings: Any) -> harness.Side:
    return harness.Side(name=name, script=Path(__file__), settings={"threads": 1} | settings)


def main(rounds: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder:
        side("train the heads", store=f"{folder}/store", train=True).run()
        sides = [side(name, store=f"{folder}/store", forget=forget) for name, forget in SIDES.items()]
        runs = harness.interleave(sides, rounds)
    digests = {run["digest"] for measured in runs.values() for run in measured}
    wall = [harness.median(measured, "seconds") for measured in runs.values()]
    harness.conclude(
        "evaluation",
        "one encoding per head",
        runs,
        ours="encoded once",
        theirs="encoded for each head",
        value="processor_seconds",
        wall_ratio=round(wall[1] / wall[0], 3),
        same_predictions=len(digests) == 1,
    )


def train(store: str) -> None:
    from xstilts.stages.job import run_job

    experiment = _opened(store)
    run_job([s for s in experiment.graph.stages.values() if s.kind != "evaluate"], experiment.environment, _raise)
    harness.tell(seconds=0)


def evaluate(store: str, forget: bool) -> None:
    from xstilts.stages import job

    with tempfile.TemporaryDirectory() as folder:
        experiment = _opened(str(copytree(store, f"{folder}/store")))
        heads = defaultdict(list)
        for spec in experiment.graph.stages.values():
            if spec.kind == "evaluate":
                heads[spec.parent if spec.data.language != WARM else WARM].append(spec)
        job.run_job(heads.pop(WARM)[:1], experiment.environment, _raise)
        started = time.process_time()
        with harness.Clock() as clock:
            for specs in heads.values():
                if forget:
                    job._activation_cache.cache_clear()
                job.run_job(specs, experiment.environment, _raise)
        used = time.process_time() - started
        keys = sorted(spec.key for specs in heads.values() for spec in specs)
        found = b"".join((experiment.store.path(key) / "items.parquet").read_bytes() for key in keys)
    digest = hashlib.sha256(found).hexdigest()
    harness.tell(seconds=clock.seconds, processor_seconds=used, stages=len(keys), digest=digest)


def _opened(store: str) -> Any:
    from xstilts.experiment import open_experiment

    path = Path(store).with_name("heads.yaml")
    path.write_text(RECIPE)
    return open_experiment(path, store=store)


def _raise(event: Any) -> None:
    if event.kind == "failed":
        raise RuntimeError(event.message)


if __name__ == "__main__":
    match harness.asked():
        case None:
            main(*map(int, sys.argv[1:]))
        case {"train": True, "store": store}:
            train(store)
        case {"store": store, "forget": forget}:
            evaluate(store, forget)
