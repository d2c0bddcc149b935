"""A few-shot sweep, ten languages x five draws x k in {1, 4, 16}, against the same episodes with Trainer and peft.

    python bench/episodes.py [sampled episodes of each method] [rounds]

`intent` on e5-small, after one English training that both sides begin with; 40 steps of 32 for each episode, its 200
test items scored. Ours is `xstilts run` of all 150 episodes of a method at once, from the stored English model on:
workers, loading and writing to the store included. Trainer's are sampled (every k and some languages and draws), one
after another with two threads and its best settings, loading left out; their seconds times 150 / sampled are told.
Adapters are on the upper four of twelve layers. Predicted: 15 times for adapters, as lower layers run once (3 x),
matrix products are shared and scoring begins at the ninth layer; 50 times for heads. Measured: docs/performance.md.
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
from harness import HERE, Clock, Measured, Side, peers, say
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
ENGLISH = {"steps": 120, "max_length": 64, "frozen_layers": FROZEN, "learning_rate": 3e-4, "head_learning_rate": 3e-3}


def recipe(method: str | None) -> Recipe:
    """The sweep by one method; without, the English training alone."""
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


def ours(method: str, english: Path, folder: Path) -> tuple[float, dict[tuple[str, int, int], str]]:
    """Seconds of the sweep in a copy of the store, and the artifact of each episode."""
    store = folder / "store"
    _copy(english, store)
    with Clock() as clock:
        done = xstilts.run(recipe(method), store=store, report=folder / "report.html")
    graph = done.experiment.graph
    specs = ((key, spec) for key, spec in graph.stages.items() if isinstance(spec, FewshotStage))
    return clock.seconds, {(spec.evaluation.language, spec.shots, spec.draw): key for key, spec in specs}


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def sampled(count: int) -> list[tuple[str, int, int]]:
    """Episodes of every k, over languages and draws."""
    everyone = list(product(LANGUAGES, range(DRAWS)))
    return [
        (language, k, number)
        for k in SHOTS
        for language, number in everyone[:: max(1, len(everyone) * len(SHOTS) // count)][: count // len(SHOTS)]
    ]


def rows(
    store: Store, artifacts: dict[tuple[str, int, int], str], chosen: list[tuple[str, int, int]]
) -> Iterator[Measured]:
    """The sampled episodes as texts and labels, with the share that ours predicted rightly."""
    for language, k, number in chosen:
        path = store.path(artifacts[language, k, number])
        pool = {
            e.id: e
            for split in ("train", "test")
            for e in load(load_task("intent"), language, split, cache=cache_dir(), offline=False)
        }
        items = pl.read_parquet(path / "items.parquet")
        kinds = {"shots": json.loads((path / "shots.json").read_text()), "test": items["item"].to_list()}
        texts = {name: [_row(pool[one]) for one in found] for name, found in kinds.items()}
        right = fmean(p == g for p, g in zip(items["predicted"], items["gold"], strict=True))
        yield texts | {"draw": number, "right": right}


def _row(example: Any) -> tuple[str, str]:
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
    say("episodes", "Trainer + peft, one after another", min(ratios), dict(zip(RATES, ratios, strict=True)))


def _compare(method: str, root: Path, checkpoint: Path, count: int, rounds: int) -> float:
    runs: list[Measured] = []
    chosen = sampled(count)
    for _ in range(rounds):
        seconds, artifacts = ours(method, root / "english", root / method)
        episodes = list(rows(Store(root / method / "store"), artifacts, chosen))
        path = root / "episodes.json"
        path.write_text(json.dumps(episodes))
        settings = {"checkpoint": str(checkpoint), "scratch": str(root / "out"), "data": str(path), "threads": 2}
        settings |= {"method": method, "frozen": FROZEN, "steps": STEPS, "rate": RATES[method]}
        settings["bf16"] = matrix_precision() == "bf16"
        side = Side(name=method, script=HERE / "peers" / "episodes.py", settings=settings, python=peers())
        theirs = side.run()
        scaled = theirs["seconds"] * EPISODES / len(chosen)
        runs.append(
            {
                "ours": seconds,
                "theirs": scaled,
                "ours_right": fmean(episode["right"] for episode in episodes),
                "theirs_right": fmean(run["right"] for run in theirs["episodes"]),
                "peer_peak_mb": theirs["peak_mb"],
            }
        )
    ratio = median(run["theirs"] / run["ours"] for run in runs)
    print(f"\n{method}: {EPISODES} episodes, {len(chosen)} of the peer's run and scaled")
    for name in runs[0]:
        print(f"{name:16}{median(run[name] for run in runs):12.4g}")
    say(f"episodes, {method}", "Trainer + peft, one after another", ratio, runs)
    return round(ratio, 2)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
