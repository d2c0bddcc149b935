"""The figures of the page: their data, captions and legends."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from markupsafe import Markup
from scipy.optimize import isotonic_regression

from xstilts.analysis.contrasts import MEAN, ArmMean, ContrastResult, Estimates
from xstilts.analysis.design import TaskDesign, TwoByTwo
from xstilts.analysis.names import MISSING, arm_name, language_name, method_name, points, shots_name, signed
from xstilts.analysis.results import ZERO_SHOT, ArmName, scored_zero_shot
from xstilts.planning.specs import ChooseLayerStage
from xstilts.plurals import plural
from xstilts.problems import ProblemName
from xstilts.report import plots
from xstilts.report.components import Figure, LegendEntry, Panel

PlotRow = dict[str, Any]


def forest_figure(results: Sequence[ContrastResult], two_by_two: TwoByTwo) -> Figure | None:
    """The effects of one 2 x 2 design with their 95% CIs."""
    rows = [
        {
            "name": result.comparison.title,
            "value": 100 * estimate.value,
            "low": 100 * estimate.low,
            "high": 100 * estimate.high,
            "label": f"{result.comparison.title}: {signed(estimate.value)} "
            f"({signed(estimate.low)} to {signed(estimate.high)})",
        }
        for result in results
        if (estimate := result.estimate) is not None
    ]
    if not rows:
        return None
    svg = plots.forest(rows, [row["name"] for row in rows])
    caption = f"Effects of {two_by_two.intermediate} and of the shots, with 95% CIs."
    return Figure(caption=caption, panels=(Panel(svg=Markup(svg)),))


def heat_figure(design: TaskDesign, estimates: Estimates) -> Figure | None:
    """The difference of every arm to the baseline, by language."""
    task = design.task.name
    arms = [arm for arm in design.main_arms if arm != design.baseline]
    names = [arm_name(arm, design.task.problem) for arm in arms]
    means = estimates.arm_mean
    rows = [
        _heat_cell(language, name, means(task, arm, language), means(task, design.baseline, language))
        for language in design.languages
        for arm, name in zip(arms, names, strict=True)
        if not estimates.not_in_recipe(task, arm, language)
    ]
    if not rows:
        return None
    svg = plots.heat_map(rows, names, list(map(_language_label, design.languages)))
    caption = f"Difference to the baseline ({arm_name(design.baseline)}) in points. Purple is better, orange is worse."
    return Figure(caption=caption, panels=(Panel(svg=Markup(svg)),))


def curves_figure(design: TaskDesign, estimates: Estimates, method: str) -> Figure | None:
    """Scores over k, including zero-shot: one panel for the mean and one per language, one line per intermediate
    arm."""
    series = _intermediates(design)
    shots = _shot_counts(design, method)
    languages = [MEAN, *(language for language in design.languages if _has_shots(design, estimates, method, language))]
    panels = [
        [
            {
                "series": name,
                "shots": arm.shots,
                "value": 100 * mean.value,
                "low": 100 * mean.low,
                "high": 100 * mean.high,
                "label": f"{arm_name(arm, design.task.problem)}: {points(mean.value)} "
                f"({points(mean.low)} to {points(mean.high)})",
            }
            for name in series
            for arm, mean in _curve_points(design, estimates, name, method, language)
        ]
        for language in languages
    ]
    if not any(panels):
        return None
    svgs = plots.shot_curves(panels, series, shots)
    return Figure(
        caption=f"Score in points by number of shots k{_method_suffix(method, design.task.problem)}, with 95% CIs. "
        "Panels share their axes.",
        panels=tuple(
            Panel(svg=Markup(svg), title="Mean" if language == MEAN else _language_label(language))
            for svg, language in zip(svgs, languages, strict=True)
        ),
        legend=legend(series),
        small=True,
    )


def lines_figure(design: TaskDesign, estimates: Estimates, method: str) -> Figure | None:
    """One line per language, the mean in bold; one panel per intermediate arm."""
    shots = _shot_counts(design, method)
    panels = {}
    for name in _intermediates(design):
        rows = [
            row
            for language in (MEAN, *design.headline)
            for row in _language_line(
                language, _curve_points(design, estimates, name, method, language), design.task.problem
            )
        ]
        if rows:
            panels[name] = _place_labels(rows, max(shots))
    if not panels:
        return None
    svgs = plots.language_lines(list(panels.values()), shots)
    return Figure(
        caption=f"Score in points of each language by number of shots k{_method_suffix(method, design.task.problem)}; "
        "the mean in bold.",
        panels=tuple(Panel(svg=Markup(svg), title=name) for svg, name in zip(svgs, panels, strict=True)),
    )


def layers_figure(curve: pl.DataFrame, layer: int, pooling: str, stage: ChooseLayerStage) -> Figure:
    """Retrieval accuracy by layer and pooling on the data on which these were chosen."""
    panels = []
    for name, rows in _rows_by_pooling(curve):
        svg = plots.layer_curve(rows, layer if name == pooling else -1)
        panels.append(Panel(svg=Markup(svg), title=f"{name} pooling"))
    return Figure(
        caption=f"Accuracy by layer on {stage.data[0].task} ({stage.split}), mean over "
        f"{plural(curve['language'].n_unique(), 'language')}. Chosen on these data: layer {layer}, {pooling} pooling.",
        panels=tuple(panels),
    )


def arms_by_layer_figure(curves: Mapping[str, pl.DataFrame]) -> Figure:
    """Accuracy on the scored items by layer, one line per intermediate arm; nothing is selected on it."""
    series = list(curves)
    panels: dict[str, list[PlotRow]] = defaultdict(list)
    for intermediate, curve in curves.items():
        for name, rows in _rows_by_pooling(curve):
            panels[name] += [row | {"series": intermediate} for row in rows]
    svgs = plots.layer_lines(list(panels.values()), series)
    return Figure(
        caption="Accuracy on the scored items by layer, mean over languages and seeds. For information only: the layer "
        "was not chosen on it.",
        panels=tuple(Panel(svg=Markup(svg), title=f"{name} pooling") for svg, name in zip(svgs, panels, strict=True)),
        legend=legend(series),
    )


def _rows_by_pooling(curve: pl.DataFrame) -> Iterator[tuple[str, list[PlotRow]]]:
    """For each pooling, the mean value of every layer."""
    for pooling in curve["pooling"].unique().sort(descending=True):
        means = curve.filter(pooling=pooling).group_by("layer").agg(pl.col("value").mean()).sort("layer")
        yield (
            pooling,
            [
                {"layer": layer, "value": 100 * value, "label": f"layer {layer}: {points(value)}"}
                for layer, value in means.iter_rows()
            ],
        )


def has_curve(design: TaskDesign, method: str) -> bool:
    return len(_shot_counts(design, method)) > 1


def _intermediates(design: TaskDesign) -> list[str]:
    """The intermediate arms without controls."""
    return list(dict.fromkeys(arm.intermediate for arm in design.main_arms))


def _shot_counts(design: TaskDesign, method: str) -> list[int]:
    return sorted({arm.shots for arm in design.arms if _is_on_curve(arm, method)})


def _is_on_curve(arm: ArmName, method: str) -> bool:
    """Whether an arm is a point of a method's curve, which starts at the method's own score without shots if it has
    one."""
    return arm.method == method or (arm.method == ZERO_SHOT and not scored_zero_shot(method))


def _curve_points(
    design: TaskDesign, estimates: Estimates, intermediate: str, method: str, language: str
) -> list[tuple[ArmName, ArmMean]]:
    arms = (arm for arm in design.arms if arm.intermediate == intermediate and _is_on_curve(arm, method))
    means = ((arm, estimates.arm_mean(design.task.name, arm, language)) for arm in arms)
    return [(arm, mean) for arm, mean in means if mean is not None]


def _has_shots(design: TaskDesign, estimates: Estimates, method: str, language: str) -> bool:
    arms = (arm for arm in design.arms if arm.method == method)
    return any(not estimates.not_in_recipe(design.task.name, arm, language) for arm in arms)


def _language_line(language: str, line: Sequence[tuple[ArmName, ArmMean]], problem: ProblemName) -> list[PlotRow]:
    name, label = ("mean", "mean") if language == MEAN else (language, _language_label(language))
    return [
        {
            "name": name,
            "shots": arm.shots,
            "value": 100 * mean.value,
            "mean": language == MEAN,
            "label": f"{label}, {shots_name(arm, problem)}: {points(mean.value)}",
        }
        for arm, mean in line
    ]


def _place_labels(rows: list[PlotRow], last: int) -> list[PlotRow]:
    """The rows with `label_at`: the value at the last k, shifted as little as possible so that labels do not
    overlap."""
    ends = sorted((float(row["value"]), str(row["name"])) for row in rows if row["shots"] == last)
    values = [float(row["value"]) for row in rows]
    offsets = np.arange(len(ends)) * (max(values) - min(values) + 4) / max(18, len(ends) + 1)
    shifted = isotonic_regression([value for value, _ in ends] - offsets).x + offsets
    positions = {name: float(position) for (_, name), position in zip(ends, shifted, strict=True)}
    return [row | {"label_at": positions.get(str(row["name"]), row["value"])} for row in rows]


def _heat_cell(language: str, name: str, mean: ArmMean | None, baseline: ArmMean | None) -> PlotRow:
    position = {"language": _language_label(language), "arm": name}
    if mean is None or baseline is None:
        return {**position, "value": None, "text": MISSING, "label": MISSING}
    value = mean.value - baseline.value
    label = f"{language_name(language)}, {name}: {signed(value)} points ({points(mean.value)})"
    return {**position, "value": 100 * value, "text": signed(value), "label": label}


def legend(series: Sequence[str], first: int = 0) -> tuple[LegendEntry, ...]:
    """The legend of series in the styles from number `first` on."""
    styles = [plots.style_of(first + position) for position in range(len(series))]
    return tuple(
        LegendEntry(colour=colour, glyph=plots.GLYPHS[shape], text=name)
        for (colour, shape), name in zip(styles, series, strict=True)
    )


def _method_suffix(method: str, problem: ProblemName) -> str:
    name = method_name(method, problem)
    return f" ({name})" if name else ""


def _language_label(language: str) -> str:
    name = language_name(language)
    return name if name == language else f"{name} ({language})"
