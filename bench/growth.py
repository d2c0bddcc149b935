"""How time and memory grow with training examples, languages, draws of the shots, and stages of a graph.

    python bench/growth.py

Prediction: time grows no faster than each of them (exponents of 1 at most), and memory hardly at all: below 0.1, but
for what is kept of frozen layers. Every point is a process of its own with one thread. Seconds are of the processor:
of a job's stages after the first, which loads what all of them need; for examples, those of a target's training beyond
those of one on 16 examples; for stages, those of expanding a recipe and pricing it. Memory is the peak of the process.
Exponents are least squares on logarithms. Plot: docs/figures/growth.svg. Measured, in this order: of time 0.98, 1.01,
0.95 and 0.85, of memory 0.03, 0.06, 0.02 and 0.08 (two cores of an AMD EPYC, busy with other work).
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
"""Sizes; of a graph, draws that make as many stages as are told."""
SCORED = ["ar", "bg", "cs", "de", "el", "es", "eu", "fi", "fr", "hu", "it", "ml", "ne", "nl", "pl", "ru"]
LEAST = 16
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
        points: dict[str, list[harness.Measured]] = {axis: [] for axis in AXES}
        for side in sides:
            points[side.name].append(harness.interleave([side], 1)[side.name][0])
    exponents = {
        axis: {what: _exponent(found, what) for what in ("seconds", "peak_mb")} for axis, found in points.items()
    }
    for axis, found in points.items():
        print(f"\n{axis:12}" + "".join(f"{run['size']:>10,}" for run in found) + f"{'exponent':>12}")
        for what in ("seconds", "peak_mb"):
            print(f"{what:12}" + "".join(f"{run[what]:10.4g}" for run in found) + f"{exponents[axis][what]:12.2f}")
    _plot(points)
    worst = max(found["seconds"] for found in exponents.values())
    harness.say("growth", "an exponent of 1 of time", 1 / worst, points, exponents=exponents)


def _side(name: str, **settings: Any) -> harness.Side:
    return harness.Side(name=name, script=Path(__file__), settings={"threads": 1} | settings)


def _exponent(found: Sequence[harness.Measured], what: str) -> float:
    sizes, values = ([run[name] for run in found] for name in ("size", what))
    return round(float(np.polyfit(np.log(sizes), np.log(values), 1)[0]), 3)


def act(store: str, axis: str | None, size: int) -> None:
    if axis is None:
        whole = _opened(store, 720)
        first = [*_of(whole, "pretrained"), _of(whole, "target")[0]]
        return harness.tell(seconds=sum(_seconds(first, whole)))
    if axis == "stages":
        return _expand(size)
    with tempfile.TemporaryDirectory() as folder:
        copytree(Path(store) / "store", Path(folder) / "store")
        whole = _opened(folder, 720)
        if axis == "examples":
            point, *_ = _of(_opened(folder, size), "target")
            _, least, seconds = _seconds([*_of(_opened(folder, LEAST), "target"), point], whole)
            return harness.tell(size=size, seconds=seconds - least)
        parent = _of(whole, "target")[0].key
        mine = [s for s in _of(whole, "evaluate" if axis == "languages" else "fewshot") if s.parent == parent]
        return harness.tell(size=size, seconds=sum(_seconds(mine[: size + 1], whole)[1:]))


def _of(opened: Any, kind: str) -> list[Any]:
    return [spec for spec in opened.graph.stages.values() if spec.kind == kind]


def _expand(draws: int) -> None:
    from xstilts.execution.preview import preview
    from xstilts.experiment import open_experiment

    open_experiment("quickstart", store="nowhere")
    started = time.process_time()
    overrides = ("seeds=[0,1,2,3,4]", "fewshot.shots=[1,4,16]", f"fewshot.draws={draws}")
    opened = open_experiment("quickstart", store="nowhere", overrides=overrides)
    preview(opened.graph, opened.store)
    harness.tell(size=len(opened.graph.stages), seconds=time.process_time() - started)


def _opened(folder: str, examples: int) -> Any:
    from xstilts.experiment import open_experiment

    path = Path(folder) / "growth.yaml"
    path.write_text(RECIPE.format(languages=", ".join(SCORED), examples=examples, train=TRAIN))
    return open_experiment(path, store=f"{folder}/store")


def _seconds(specs: Sequence[Any], opened: Any) -> list[float]:
    """Processor seconds of each stage of a job."""
    from xstilts.stages.job import run_job

    ended = [time.process_time()]

    def note(event: Any) -> None:
        if event.kind == "failed":
            raise RuntimeError(event.message)
        if event.kind == "finished":
            ended.append(time.process_time())

    run_job(specs, opened.environment, note)
    return [after - before for before, after in pairwise(ended)]


def _plot(points: Mapping[str, Sequence[harness.Measured]]) -> None:
    import altair as alt
    import vl_convert

    from xstilts.report.plots import COLOURS

    panels = []
    for what, title in (("seconds", "processor seconds"), ("peak_mb", "peak memory, MB")):
        names = {axis: f"{axis} ({found[0]['size']:,}–{found[-1]['size']:,})" for axis, found in points.items()}
        rows = [
            {"axis": names[axis], "times": run["size"] / found[0]["size"], "value": run[what]}
            for axis, found in points.items()
            for run in found
        ]
        scale = alt.Scale(type="log", base=2)
        x = alt.X("times:Q", title="times the smallest", scale=scale, axis=alt.Axis(values=[1, 2, 4, 8, 16]))
        y = alt.Y("value:Q", title=title, scale=alt.Scale(type="log", nice=False))
        colour = alt.Color("axis:N", title=None, sort=list(names.values()), scale=alt.Scale(range=list(COLOURS[1:5])))
        base = alt.Chart(alt.Data(values=rows)).encode(x=x, y=y, color=colour)
        panels.append((base.mark_line() + base.mark_point(filled=True, size=45)).properties(width=230, height=200))
    FIGURE.write_text(vl_convert.vegalite_to_svg(alt.hconcat(*panels).to_dict()))


if __name__ == "__main__":
    if settings := harness.asked():
        settings.pop("threads")
        act(**settings)
    else:
        main()
