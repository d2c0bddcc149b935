"""A few-shot sweep (ten languages, five draws, k in {1, 4, 16}) against the same episodes with Trainer and peft.

    python bench/episodes.py [sampled episodes per method] [rounds]

`intent` with e5-small. Both sides start from the same model trained on English; each episode trains for 40 steps of 32
and is scored on 200 test items. Ours is one `xstilts run` of all 150 episodes of a method from the stored English
model, including workers, loading and writing to the store. Trainer runs a sample of the episodes (every k, some
languages and draws) one after another with two threads and tuned settings, without loading; its seconds are scaled by
150 / sample size. LoRA adapters are in the upper four of twelve layers.

Prediction: 15x for adapters, because lower layers run once (3x), matrix products are batched over episodes and scoring
starts at the ninth layer; 50x for heads. Results: docs/performance.md.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import fmean, median
from typing import Any

import polars as pl

import xstilts
from harness import BENCH_DIR, Clock, JsonDict, Side, peer_python, print_result
from xstilts.cache.wheels import cache_dir
from xstilts.config.recipe import Recipe
from xstilts.data.load import load
from xstilts.export.checkpoint import export
from xstilts.planning.specs import FewshotStage, TargetStage
from xstilts.platform.hardware import matrix_precision
from xstilts.problems import Labelled
from xstilts.store.store import Store
from xstilts.tasks import load_task

LANGUAGES = ("de", "fi", "hu", "eu", "ru", "ar", "ml", "th", "el", "zh-CN")
SHOTS, DRAWS, STEPS, FROZEN = (1, 4, 16), 5, 40, 8
RATES = {"head": 2e-3, "lora": 1e-3}
EPISODES = len(LANGUAGES) * len(SHOTS) * DRAWS
BASELINE = "Trainer + peft, one after another"
ENGLISH = {"steps": 120, "max_length": 64, "frozen_layers": FROZEN, "learning_rate": 3e-4, "head_learning_rate": 3e-3}

Episode = tuple[str, int, int]
"""Language, shots per class, draw."""


def recipe(method: str | None) -> Recipe:
    """The recipe of the sweep with `method`, or of the English training alone if it is None."""
    target = {"languages": list(LANGUAGES), "max_items": 200, "train": ENGLISH}
    settings: dict[str, Any] = {"name": "sweep", "encoder": "e5-small", "seeds": [0], "targets": {"intent": target}}
    if method:
        train = {"steps": STEPS, "batch_size": 32, "max_length": 64, "frozen_layers": FROZEN}
        rates = {"learning_rate": RATES[method], "head_learning_rate": RATES[method]}
        settings["fewshot"] = {
            "shots": list(SHOTS),
            "draws": DRAWS,
            "methods": [{"method": "lora", "learning_rate": RATES["lora"]} if method == "lora" else method],
            "train": train | rates,
        }
    return Recipe.model_validate(settings)


def run_sweep(method: str, english: Path, folder: Path) -> tuple[float, dict[Episode, str]]:
    """Run the sweep in a copy of the store. Returns its seconds and each episode's artifact key."""
    store = folder / "store"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(english, store)
    with Clock() as clock:
        outcome = xstilts.run(recipe(method), store=store, report=folder / "report.html")
    stages = outcome.experiment.graph.stages.items()
    specs = ((key, spec) for key, spec in stages if isinstance(spec, FewshotStage))
    return clock.seconds, {(spec.evaluation.language, spec.shots, spec.draw): key for key, spec in specs}


def sample_episodes(count: int) -> list[Episode]:
    """`count` episodes spread evenly over k, languages and draws."""
    cells = list(product(LANGUAGES, range(DRAWS)))
    return [
        (language, k, draw)
        for k in SHOTS
        for language, draw in cells[:: max(1, len(cells) * len(SHOTS) // count)][: count // len(SHOTS)]
    ]


def episode_data(store: Store, artifacts: dict[Episode, str], sample: list[Episode]) -> Iterator[JsonDict]:
    """The texts and labels of the sampled episodes, and our accuracy on each."""
    for language, k, draw in sample:
        path = store.path(artifacts[language, k, draw])
        pool = {
            e.id: e
            for split in ("train", "test")
            for e in load(load_task("intent"), language, split, cache=cache_dir(), offline=False)
        }
        items = pl.read_parquet(path / "items.parquet")
        item_ids = {"shots": json.loads((path / "shots.json").read_text()), "test": items["item"].to_list()}
        texts = {split: [_text_and_label(pool[item_id]) for item_id in ids] for split, ids in item_ids.items()}
        accuracy = fmean(p == g for p, g in zip(items["predicted"], items["gold"], strict=True))
        yield texts | {"draw": draw, "accuracy": accuracy}


def _text_and_label(example: Any) -> tuple[str, str]:
    assert isinstance(example, Labelled)
    return example.text, str(example.label)


def main(count: int = 6, rounds: int = 1) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        english = xstilts.run(recipe(None), store=root / "english", report=root / "report.html")
        experiment = english.experiment
        (key,) = (key for key, spec in experiment.graph.stages.items() if isinstance(spec, TargetStage))
        checkpoint = export(experiment.store, key, root / "checkpoint", experiment.environment)
        ratios = [_compare(method, root, checkpoint, count, rounds) for method in RATES]
    print_result("episodes", BASELINE, min(ratios), dict(zip(RATES, ratios, strict=True)))


def _compare(method: str, root: Path, checkpoint: Path, count: int, rounds: int) -> float:
    runs: list[JsonDict] = []
    sample = sample_episodes(count)
    for _ in range(rounds):
        seconds, artifacts = run_sweep(method, root / "english", root / method)
        episodes = list(episode_data(Store(root / method / "store"), artifacts, sample))
        path = root / "episodes.json"
        path.write_text(json.dumps(episodes))
        settings = {"checkpoint": str(checkpoint), "scratch": str(root / "out"), "data": str(path), "threads": 2}
        settings |= {"method": method, "frozen": FROZEN, "steps": STEPS, "rate": RATES[method]}
        settings["bf16"] = matrix_precision() == "bf16"
        side = Side(name=method, script=BENCH_DIR / "peers" / "episodes.py", settings=settings, python=peer_python())
        peer = side.run()
        runs.append(
            {
                "our_seconds": seconds,
                "peer_seconds": peer["seconds"] * EPISODES / len(sample),
                "our_accuracy": fmean(episode["accuracy"] for episode in episodes),
                "peer_accuracy": fmean(episode["accuracy"] for episode in peer["episodes"]),
                "peer_peak_mb": peer["peak_mb"],
            }
        )
    ratio = median(run["peer_seconds"] / run["our_seconds"] for run in runs)
    print(f"\n{method}: {EPISODES} episodes; the peer's seconds are scaled from {len(sample)} episodes")
    for name in runs[0]:
        print(f"{name:16}{median(run[name] for run in runs):12.4g}")
    print_result(f"episodes, {method}", BASELINE, ratio, runs)
    return round(ratio, 2)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
