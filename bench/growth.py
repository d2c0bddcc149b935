"""Growth of time and memory with training examples, languages, draws of the shots and stages of a graph.

    python bench/growth.py

Every point is a process of its own with one thread. Time is CPU time: that of a job's stages after the first one, which
loads what all of them need; for examples, that of a target's training minus that on 16 examples; for stages, that of
expanding a recipe and estimating its cost. Memory is the peak of the process. Exponents are least-squares fits on a
log-log scale. Plot: docs/figures/growth.svg.

Prediction: time grows at most linearly in each (exponents up to 1). Memory hardly grows (below 0.1), except for the
cached output of frozen layers. Measured, in the order above: time 0.98, 1.01, 0.95, 0.85; memory 0.03, 0.06, 0.02, 0.08
(two cores of an AMD EPYC with other load).
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np

import harness

AXES = {
    "examples": [90, 180, 360, 720],
    "languages": [1, 2, 4, 8, 16],
    "draws": [1, 2, 4, 8, 16],
    "stages": [3, 6, 12, 24],
}
"""The sizes on each axis. For `stages` they are numbers of draws; results show the number of stages instead."""
LANGUAGES = ["ar", "bg", "cs", "de", "el", "es", "eu", "fi", "fr", "hu", "it", "ml", "ne", "nl", "pl", "ru"]
FEWEST_EXAMPLES = 16
FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "growth.svg"
TRAIN = "{batch_size: 16, max_length: 64, frozen_layers: 8, evaluations: 1, epochs: 4}"
RECIPE = """
name: growth
seeds: [0, 1]
targets: {{intent: {{languages: [da, {languages}], max_items: 100, max_examples: {examples}, train: {train}}}}}
fewshot: {{shots: [4], draws: 17, languages: [fi], train: {{steps: 10, max_length: 64, frozen_layers: 10}}}}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        _side("train", store=folder, axis=None, size=0).run()
        sides = [_side(axis, store=folder, axis=axis, size=size) for axis, sizes in AXES.items() for size in sizes]
        points: dict[str, list[harness.JsonDict]] = {axis: [] for axis in AXES}
        for side in sides:
            points[side.name].append(harness.interleave([side], 1)[side.name][0])
    exponents = {
        axis: {name: _exponent(runs, name) for name in ("seconds", "peak_mb")} for axis, runs in points.items()
    }
    for axis, runs in points.items():
        print(f"\n{axis:12}" + "".join(f"{run['size']:>10,}" for run in runs) + f"{'exponent':>12}")
        for name in ("seconds", "peak_mb"):
            print(f"{name:12}" + "".join(f"{run[name]:10.4g}" for run in runs) + f"{exponents[axis][name]:12.2f}")
    _plot(points)
    largest = max(exponent["seconds"] for exponent in exponents.values())
    harness.print_result("growth", "linear time", 1 / largest, points, exponents=exponents)


def _side(name: str, **settings: Any) -> harness.Side:
    return harness.Side(name=name, script=Path(__file__), settings={"threads": 1} | settings)


def _exponent(runs: Sequence[harness.JsonDict], name: str) -> float:
    sizes, values = [run["size"] for run in runs], [run[name] for run in runs]
    return round(float(np.polyfit(np.log(sizes), np.log(values), 1)[0]), 3)


def run_side(store: str, axis: str | None, size: int) -> None:
    """Measure one point of `axis`; if `axis` is None, train the target that the other sides start from."""
    if axis is None:
        experiment = _open(store, 720)
        specs = [*_stages(experiment, "pretrained"), _stages(experiment, "target")[0]]
        return harness.print_measurements(seconds=sum(_cpu_seconds(specs, experiment)))
    if axis == "stages":
        return _run_stages_side(size)
    with tempfile.TemporaryDirectory() as folder:
        copytree(Path(store) / "store", Path(folder) / "store")
        experiment = _open(folder, 720)
        if axis == "examples":
            target, *_ = _stages(_open(folder, size), "target")
            specs = [*_stages(_open(folder, FEWEST_EXAMPLES), "target"), target]
            _, fewest_seconds, seconds = _cpu_seconds(specs, experiment)
            return harness.print_measurements(size=size, seconds=seconds - fewest_seconds)
        parent, kind = _stages(experiment, "target")[0].key, "evaluate" if axis == "languages" else "fewshot"
        specs = [spec for spec in _stages(experiment, kind) if spec.parent == parent]
        return harness.print_measurements(size=size, seconds=sum(_cpu_seconds(specs[: size + 1], experiment)[1:]))


def _stages(experiment: Any, kind: str) -> list[Any]:
    return [spec for spec in experiment.graph.stages.values() if spec.kind == kind]


def _run_stages_side(draws: int) -> None:
    """CPU seconds of expanding `quickstart` with `draws` draws and estimating its cost."""
    from xstilts.execution.preview import preview
    from xstilts.experiment import open_experiment

    open_experiment("quickstart", store="nowhere")
    started = time.process_time()
    overrides = ("seeds=[0,1,2,3,4]", "fewshot.shots=[1,4,16]", f"fewshot.draws={draws}")
    experiment = open_experiment("quickstart", store="nowhere", overrides=overrides)
    preview(experiment.graph, experiment.store)
    harness.print_measurements(size=len(experiment.graph.stages), seconds=time.process_time() - started)


def _open(folder: str, examples: int) -> Any:
    from xstilts.experiment import open_experiment

    path = Path(folder) / "growth.yaml"
    path.write_text(RECIPE.format(languages=", ".join(LANGUAGES), examples=examples, train=TRAIN))
    return open_experiment(path, store=f"{folder}/store")


def _cpu_seconds(specs: Sequence[Any], experiment: Any) -> list[float]:
    """Run a job and return the CPU seconds of each of its stages."""
    from xstilts.stages.job import run_job

    times = [time.process_time()]

    def record(event: Any) -> None:
        if event.kind == "failed":
            raise RuntimeError(event.message)
        if event.kind == "finished":
            times.append(time.process_time())

    run_job(specs, experiment.environment, record)
    return [end - start for start, end in pairwise(times)]


def _plot(points: Mapping[str, Sequence[harness.JsonDict]]) -> None:
    import altair as alt
    import vl_convert

    from xstilts.report.plots import COLOURS

    panels = []
    for measure, title in (("seconds", "CPU seconds"), ("peak_mb", "peak memory, MB")):
        names = {axis: f"{axis} ({runs[0]['size']:,}–{runs[-1]['size']:,})" for axis, runs in points.items()}
        rows = [
            {"axis": names[axis], "relative_size": run["size"] / runs[0]["size"], "value": run[measure]}
            for axis, runs in points.items()
            for run in runs
        ]
        scale = alt.Scale(type="log", base=2)
        x = alt.X(
            "relative_size:Q",
            title="size relative to the smallest",
            scale=scale,
            axis=alt.Axis(values=[1, 2, 4, 8, 16]),
        )
        y = alt.Y("value:Q", title=title, scale=alt.Scale(type="log", nice=False))
        colour = alt.Color("axis:N", title=None, sort=list(names.values()), scale=alt.Scale(range=list(COLOURS[1:5])))
        base = alt.Chart(alt.Data(values=rows)).encode(x=x, y=y, color=colour)
        panels.append((base.mark_line() + base.mark_point(filled=True, size=45)).properties(width=230, height=200))
    FIGURE.write_text(vl_convert.vegalite_to_svg(alt.hconcat(*panels).to_dict()))


if __name__ == "__main__":
    if settings := harness.side_settings():
        settings.pop("threads")
        run_side(**settings)
    else:
        main()
