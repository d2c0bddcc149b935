"""The figures of the page: which rows each plot gets, and what stands around it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from markupsafe import Markup
from scipy.optimize import isotonic_regression

from xstilts.analysis.contrasts import MEAN, Evidence, Finding, Level
from xstilts.analysis.design import Square, TaskDesign
from xstilts.analysis.names import MISSING, arm_name, language_name, method_name, points, shots_name, signed
from xstilts.analysis.results import ZERO_SHOT, ArmName
from xstilts.planning.specs import ChooseLayerStage
from xstilts.report import plots
from xstilts.report.components import Figure, Key, Panel

Row = dict[str, Any]


def forest_figure(findings: Sequence[Finding], square: Square) -> Figure | None:
    """The effects of one 2 x 2 with their intervals."""
    rows = [
        {
            "name": finding.comparison.title,
            "value": 100 * estimate.value,
            "low": 100 * estimate.low,
            "high": 100 * estimate.high,
            "label": f"{finding.comparison.title}: {signed(estimate.value)} "
            f"({signed(estimate.low)} to {signed(estimate.high)})",
        }
        for finding in findings
        if (estimate := finding.estimate) is not None
    ]
    if not rows:
        return None
    svg = plots.forest(rows, [row["name"] for row in rows])
    caption = f"What {square.intermediate} and the shots did, with 95% intervals."
    return Figure(caption=caption, panels=(Panel(svg=Markup(svg)),))


def heat_figure(design: TaskDesign, evidence: Evidence) -> Figure | None:
    """Differences of every arm to the baseline, by language."""
    arms = [arm for arm in design.main_arms if arm != design.baseline]
    task = design.task.name
    rows = [
        _heat_cell(language, arm, evidence.level(task, arm, language), evidence.level(task, design.baseline, language))
        for language in design.languages
        for arm in arms
        if not evidence.absent(task, arm, language)
    ]
    if not rows:
        return None
    svg = plots.heat_map(rows, [arm_name(arm) for arm in arms], [_labelled(x) for x in design.languages])
    caption = f"Difference to the baseline ({arm_name(design.baseline)}) in points; orange is worse, purple is better."
    return Figure(caption=caption, panels=(Panel(svg=Markup(svg)),))


def curves_figure(design: TaskDesign, evidence: Evidence, method: str) -> Figure | None:
    """Scores against k, zero included: a panel for the mean and one for each language, a line for each intermediate."""
    series = _intermediates(design)
    shots = _ladder(design, method)
    places = [MEAN, *(language for language in design.languages if _adapted(design, evidence, method, language))]
    panels = [
        [
            {
                "series": name,
                "shots": arm.shots,
                "value": 100 * level.value,
                "low": 100 * level.low,
                "high": 100 * level.high,
                "label": f"{arm_name(arm)}: {points(level.value)} ({points(level.low)} to {points(level.high)})",
            }
            for name in series
            for arm, level in _line(design, evidence, name, method, place)
        ]
        for place in places
    ]
    if not any(panels):
        return None
    drawn = plots.shot_curves(panels, series, shots)
    return Figure(
        caption=f"Points against k, the shots{_by(method)}, with 95% intervals. All panels share their axes.",
        panels=tuple(
            Panel(svg=Markup(svg), title="Mean" if place == MEAN else _labelled(place))
            for svg, place in zip(drawn, places, strict=True)
        ),
        keys=_keys(series),
        small=True,
    )


def lines_figure(design: TaskDesign, evidence: Evidence, method: str) -> Figure | None:
    """One line for each language, the mean in bold, a panel for each intermediate."""
    series, shots = _intermediates(design), _ladder(design, method)
    panels = [
        [
            row
            for place in (MEAN, *design.headline)
            for row in _language_line(place, _line(design, evidence, name, method, place))
        ]
        for name in series
    ]
    kept = [(name, _spread(panel, max(shots))) for name, panel in zip(series, panels, strict=True) if panel]
    if not kept:
        return None
    drawn = plots.language_lines([panel for _, panel in kept], shots)
    return Figure(
        caption=f"Each language from zero-shot to k shots{_by(method)}; the mean in bold.",
        panels=tuple(Panel(svg=Markup(svg), title=name) for svg, (name, _) in zip(drawn, kept, strict=True)),
    )


def layers_figure(curve: pl.DataFrame, layer: int, pooling: str, chooser: ChooseLayerStage) -> Figure:
    """Retrieval accuracy by layer and pooling where they were chosen."""
    drawn = [_by_layer(part, name) for name, part in _by_pooling(curve)]
    marked = {name: layer if name == pooling else -1 for name, _ in drawn}
    return Figure(
        caption=f"Accuracy by layer on {chooser.data[0].task} ({chooser.split}), mean over "
        f"{curve['language'].n_unique()} languages: on these data, layer {layer} was chosen, pooled by {pooling}.",
        panels=tuple(
            Panel(svg=Markup(plots.layer_curve(rows, marked[name])), title=f"pooled by {name}") for name, rows in drawn
        ),
    )


def arms_by_layer_figure(curves: Mapping[str, pl.DataFrame]) -> Figure:
    """Accuracy on the scored items by layer, a line for each intermediate: what other choices would have given."""
    series = list(curves)
    panels: dict[str, list[Row]] = defaultdict(list)
    for intermediate, curve in curves.items():
        for name, part in _by_pooling(curve):
            panels[name] += [row | {"series": intermediate} for row in _by_layer(part, name)[1]]
    drawn = plots.layer_lines(list(panels.values()), series)
    return Figure(
        caption="Accuracy on the scored items by layer, mean over languages and seeds. For information: nothing was "
        "chosen on it.",
        panels=tuple(
            Panel(svg=Markup(svg), title=f"pooled by {name}") for svg, name in zip(drawn, panels, strict=True)
        ),
        keys=_keys(series),
    )


def _by_pooling(curve: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    return [(name, curve.filter(pooling=name)) for name in curve["pooling"].unique().sort(descending=True)]


def _by_layer(curve: pl.DataFrame, name: str) -> tuple[str, list[Row]]:
    means = curve.group_by("layer").agg(pl.col("value").mean()).sort("layer")
    rows = [
        {"layer": number, "value": 100 * value, "label": f"layer {number}: {points(value)}"}
        for number, value in means.iter_rows()
    ]
    return name, rows


def has_curve(design: TaskDesign, method: str) -> bool:
    return len(_ladder(design, method)) > 1


def _intermediates(design: TaskDesign) -> list[str]:
    """Without the controls, which would crowd out what they stand beside."""
    return list(dict.fromkeys(arm.intermediate for arm in design.main_arms))


def _ladder(design: TaskDesign, method: str) -> list[int]:
    return sorted({arm.shots for arm in design.arms if arm.method in (ZERO_SHOT, method)})


def _line(
    design: TaskDesign, evidence: Evidence, intermediate: str, method: str, place: str
) -> list[tuple[ArmName, Level]]:
    arms = (a for a in design.arms if a.intermediate == intermediate and a.method in (ZERO_SHOT, method))
    found = ((arm, evidence.level(design.task.name, arm, place)) for arm in arms)
    return [(arm, level) for arm, level in found if level is not None]


def _adapted(design: TaskDesign, evidence: Evidence, method: str, language: str) -> bool:
    arms = (arm for arm in design.arms if arm.method == method)
    return any(not evidence.absent(design.task.name, arm, language) for arm in arms)


def _language_line(place: str, line: Sequence[tuple[ArmName, Level]]) -> list[Row]:
    name = "mean" if place == MEAN else place
    return [
        {
            "name": name,
            "shots": arm.shots,
            "value": 100 * level.value,
            "mean": place == MEAN,
            "label": f"{name if place == MEAN else _labelled(place)}, {shots_name(arm)}: {points(level.value)}",
        }
        for arm, level in line
    ]


def _spread(rows: list[Row], last: int) -> list[Row]:
    """The rows with `label_at`: the value at the last k, moved as little as keeps names from covering each other."""
    ends = sorted((float(row["value"]), str(row["name"])) for row in rows if row["shots"] == last)
    values = [float(row["value"]) for row in rows]
    steps = np.arange(len(ends)) * (max(values) - min(values) + 4) / max(18, len(ends) + 1)
    free = isotonic_regression([value for value, _ in ends] - steps).x + steps
    at = {name: float(place) for (_, name), place in zip(ends, free, strict=True)}
    return [row | {"label_at": at.get(str(row["name"]), row["value"])} for row in rows]


def _heat_cell(language: str, arm: ArmName, level: Level | None, baseline: Level | None) -> Row:
    where = {"language": _labelled(language), "arm": arm_name(arm)}
    if level is None or baseline is None:
        return {**where, "value": None, "text": MISSING, "label": MISSING}
    value = level.value - baseline.value
    label = f"{language_name(language)}, {arm_name(arm)}: {signed(value)} points ({points(level.value)})"
    return {**where, "value": 100 * value, "text": signed(value), "label": label}


def _keys(series: Sequence[str]) -> tuple[Key, ...]:
    styles = [plots.style_of(position) for position in range(len(series))]
    return tuple(
        Key(colour=colour, glyph=plots.GLYPHS[shape], text=name)
        for (colour, shape), name in zip(styles, series, strict=True)
    )


def _by(method: str) -> str:
    name = method_name(method)
    return f" ({name})" if name else ""


def _labelled(language: str) -> str:
    name = language_name(language)
    return name if name == language else f"{name} ({language})"
