"""The figures of the page: their data, captions and legends."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from markupsafe import Markup
from scipy.optimize import isotonic_regression

from xstilts.analysis.contrasts import MEAN, ArmMean, ContrastResult, Estimates
from xstilts.analysis.design import TaskDesign, TwoByTwo
from xstilts.analysis.names import MISSING, arm_name, language_name, method_name, points, shots_name, signed
from xstilts.analysis.results import ZERO_SHOT, ArmName
from xstilts.planning.specs import ChooseLayerStage
from xstilts.report import plots
from xstilts.report.components import Figure, LegendEntry, Panel

PlotRow = dict[str, Any]


def forest_figure(findings: Sequence[ContrastResult], two_by_two: TwoByTwo) -> Figure | None:
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
        for result in findings
        if (estimate := result.estimate) is not None
    ]
    if not rows:
        return None
    svg = plots.forest(rows, [row["name"] for row in rows])
    caption = f"Effects of {two_by_two.intermediate} and of the shots, with 95% CIs."
    return Figure(caption=caption, panels=(Panel(svg=Markup(svg)),))


def heat_figure(design: TaskDesign, estimates: Estimates) -> Figure | None:
    """The difference of every arm to the baseline, by language."""
    arms = [arm for arm in design.main_arms if arm != design.baseline]
    task = design.task.name
    rows = [
        _heat_cell(
            language, arm, estimates.arm_mean(task, arm, language), estimates.arm_mean(task, design.baseline, language)
        )
        for language in design.languages
        for arm in arms
        if not estimates.not_in_recipe(task, arm, language)
    ]
    if not rows:
        return None
    svg = plots.heat_map(rows, [arm_name(arm) for arm in arms], [_language_label(x) for x in design.languages])
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
                "label": f"{arm_name(arm)}: {points(mean.value)} ({points(mean.low)} to {points(mean.high)})",
            }
            for name in series
            for arm, mean in _curve_points(design, estimates, name, method, language)
        ]
        for language in languages
    ]
    if not any(panels):
        return None
    drawn = plots.shot_curves(panels, series, shots)
    return Figure(
        caption=f"Score in points by number of shots k{_method_suffix(method)}, with 95% CIs. Panels share their axes.",
        panels=tuple(
            Panel(svg=Markup(svg), title="Mean" if language == MEAN else _language_label(language))
            for svg, language in zip(drawn, languages, strict=True)
        ),
        legend=_legend(series),
        small=True,
    )


def lines_figure(design: TaskDesign, estimates: Estimates, method: str) -> Figure | None:
    """One line per language, the mean in bold; one panel per intermediate arm."""
    series, shots = _intermediates(design), _shot_counts(design, method)
    panels = [
        [
            row
            for language in (MEAN, *design.headline)
            for row in _language_line(language, _curve_points(design, estimates, name, method, language))
        ]
        for name in series
    ]
    kept = [(name, _place_labels(panel, max(shots))) for name, panel in zip(series, panels, strict=True) if panel]
    if not kept:
        return None
    drawn = plots.language_lines([panel for _, panel in kept], shots)
    return Figure(
        caption=f"Score in points of each language by number of shots k{_method_suffix(method)}; the mean in bold.",
        panels=tuple(Panel(svg=Markup(svg), title=name) for svg, (name, _) in zip(drawn, kept, strict=True)),
    )


def layers_figure(curve: pl.DataFrame, layer: int, pooling: str, chooser: ChooseLayerStage) -> Figure:
    """Retrieval accuracy by layer and pooling on the data on which these were chosen."""
    drawn = [_by_layer(part, name) for name, part in _by_pooling(curve)]
    marked = {name: layer if name == pooling else -1 for name, _ in drawn}
    return Figure(
        caption=f"Accuracy by layer on {chooser.data[0].task} ({chooser.split}), mean over "
        f"{curve['language'].n_unique()} languages. Chosen on these data: layer {layer}, {pooling} pooling.",
        panels=tuple(
            Panel(svg=Markup(plots.layer_curve(rows, marked[name])), title=f"{name} pooling") for name, rows in drawn
        ),
    )


def arms_by_layer_figure(curves: Mapping[str, pl.DataFrame]) -> Figure:
    """Accuracy on the scored items by layer, one line per intermediate arm; nothing is selected on it."""
    series = list(curves)
    panels: dict[str, list[PlotRow]] = defaultdict(list)
    for intermediate, curve in curves.items():
        for name, part in _by_pooling(curve):
            panels[name] += [row | {"series": intermediate} for row in _by_layer(part, name)[1]]
    drawn = plots.layer_lines(list(panels.values()), series)
    return Figure(
        caption="Accuracy on the scored items by layer, mean over languages and seeds. For information only: the layer "
        "was not chosen on it.",
        panels=tuple(Panel(svg=Markup(svg), title=f"{name} pooling") for svg, name in zip(drawn, panels, strict=True)),
        legend=_legend(series),
    )


def _by_pooling(curve: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    return [(name, curve.filter(pooling=name)) for name in curve["pooling"].unique().sort(descending=True)]


def _by_layer(curve: pl.DataFrame, name: str) -> tuple[str, list[PlotRow]]:
    means = curve.group_by("layer").agg(pl.col("value").mean()).sort("layer")
    rows = [
        {"layer": number, "value": 100 * value, "label": f"layer {number}: {points(value)}"}
        for number, value in means.iter_rows()
    ]
    return name, rows


def has_curve(design: TaskDesign, method: str) -> bool:
    return len(_shot_counts(design, method)) > 1


def _intermediates(design: TaskDesign) -> list[str]:
    """The intermediate arms without controls."""
    return list(dict.fromkeys(arm.intermediate for arm in design.main_arms))


def _shot_counts(design: TaskDesign, method: str) -> list[int]:
    return sorted({arm.shots for arm in design.arms if arm.method in (ZERO_SHOT, method)})


def _curve_points(
    design: TaskDesign, estimates: Estimates, intermediate: str, method: str, language: str
) -> list[tuple[ArmName, ArmMean]]:
    arms = (a for a in design.arms if a.intermediate == intermediate and a.method in (ZERO_SHOT, method))
    means = ((arm, estimates.arm_mean(design.task.name, arm, language)) for arm in arms)
    return [(arm, mean) for arm, mean in means if mean is not None]


def _has_shots(design: TaskDesign, estimates: Estimates, method: str, language: str) -> bool:
    arms = (arm for arm in design.arms if arm.method == method)
    return any(not estimates.not_in_recipe(design.task.name, arm, language) for arm in arms)


def _language_line(language: str, line: Sequence[tuple[ArmName, ArmMean]]) -> list[PlotRow]:
    name = "mean" if language == MEAN else language
    return [
        {
            "name": name,
            "shots": arm.shots,
            "value": 100 * mean.value,
            "mean": language == MEAN,
            "label": f"{name if language == MEAN else _language_label(language)}, {shots_name(arm)}: "
            f"{points(mean.value)}",
        }
        for arm, mean in line
    ]


def _place_labels(rows: list[PlotRow], last: int) -> list[PlotRow]:
    """The rows with `label_at`: the value at the last k, shifted as little as possible so that labels do not
    overlap."""
    ends = sorted((float(row["value"]), str(row["name"])) for row in rows if row["shots"] == last)
    values = [float(row["value"]) for row in rows]
    steps = np.arange(len(ends)) * (max(values) - min(values) + 4) / max(18, len(ends) + 1)
    free = isotonic_regression([value for value, _ in ends] - steps).x + steps
    positions = {name: float(position) for (_, name), position in zip(ends, free, strict=True)}
    return [row | {"label_at": positions.get(str(row["name"]), row["value"])} for row in rows]


def _heat_cell(language: str, arm: ArmName, mean: ArmMean | None, baseline: ArmMean | None) -> PlotRow:
    where = {"language": _language_label(language), "arm": arm_name(arm)}
    if mean is None or baseline is None:
        return {**where, "value": None, "text": MISSING, "label": MISSING}
    value = mean.value - baseline.value
    label = f"{language_name(language)}, {arm_name(arm)}: {signed(value)} points ({points(mean.value)})"
    return {**where, "value": 100 * value, "text": signed(value), "label": label}


def _legend(series: Sequence[str]) -> tuple[LegendEntry, ...]:
    styles = [plots.style_of(position) for position in range(len(series))]
    return tuple(
        LegendEntry(colour=colour, glyph=plots.GLYPHS[shape], text=name)
        for (colour, shape), name in zip(styles, series, strict=True)
    )


def _method_suffix(method: str) -> str:
    name = method_name(method)
    return f" ({name})" if name else ""


def _language_label(language: str) -> str:
    name = language_name(language)
    return name if name == language else f"{name} ({language})"
