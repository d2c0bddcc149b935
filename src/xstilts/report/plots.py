"""Plots as SVG text without scripts, fonts or external images; each mark has a tooltip (<title>)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

PlotRows = Sequence[Mapping[str, Any]]
"""Data of a plot; `label` is the tooltip of a mark."""

# Okabe-Ito colours with a contrast ratio of about 3 on white and on near-black; grey is for the baseline.
COLOURS = ("#767676", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8C6D31", "#7A68C8", "#2A8C99")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left", "triangle-right")
GLYPHS: dict[str, str] = dict(zip(SHAPES, "●■▲◆✚▼◀▶", strict=True))

INK = "currentColor"
_GRID = "#80808033"
_CONFIG: dict[str, Any] = {
    "font": "Arial, Helvetica, sans-serif",
    "background": "transparent",
    "padding": {"left": 12, "right": 6, "top": 4, "bottom": 4},
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "gridColor": _GRID,
        "domainColor": "#80808080",
        "ticks": False,
        "labelPadding": 5,
    },
}
_LABELLED = re.compile(r'<(path|rect)( [^>]*?aria-label="([^"]*)" role="graphics-symbol"[^>]*?)/>')
_XLINK = ' xmlns:xlink="http://www.w3.org/1999/xlink"'
_SCALE_MARGIN = 2.0


def style_of(position: int) -> tuple[str, str]:
    """Colour and shape of the series at a position; they repeat after the last."""
    return COLOURS[position % len(COLOURS)], SHAPES[position % len(SHAPES)]


def shot_curves(panels: Sequence[PlotRows], series: Sequence[str], shots: Sequence[int]) -> list[str]:
    """One small plot per panel, all on one scale. Rows: series, shots, value, low, high, label."""
    scale = _domain([row for panel in panels for row in panel])
    axis = alt.Axis(values=list(range(len(shots))), labelExpr=f"{list(shots)}[datum.value]", grid=False)
    x = alt.X("at:Q", title=None, axis=axis, scale=alt.Scale(domain=[-0.4, len(shots) - 0.6], nice=False))
    base = alt.Chart(rows_data()).encode(x=x, color=_colour(series))
    y = alt.Y("value:Q", title=None, scale=scale, axis=alt.Axis(format="d", tickCount=4))
    line = base.mark_line(strokeWidth=1.5).encode(y=y)
    whisker = base.mark_rule(strokeWidth=1.5, opacity=0.75).encode(
        y=alt.Y("low:Q", title=None, scale=scale), y2="high:Q"
    )
    point = base.mark_point(filled=True, opacity=1, size=42).encode(y=y, shape=_shape(series), description="label:N")
    chart = alt.layer(line, whisker, point).properties(width=132, height=104)
    return render(chart, [_dodge(panel, series, shots) for panel in panels])


def language_lines(panels: Sequence[PlotRows], shots: Sequence[int]) -> list[str]:
    """One plot per panel with a line for each language and the mean in bold. Rows: name, shots, value, mean, label."""
    rows = [row for panel in panels for row in panel]
    x = alt.X("shots:O", title="shots", scale=alt.Scale(domain=list(shots)), axis=alt.Axis(labelAngle=0))
    y = alt.Y("value:Q", title=None, scale=_domain(rows), axis=alt.Axis(format="d", tickCount=6))
    base = alt.Chart(rows_data()).encode(x=x, y=y)
    each = base.transform_filter("!datum.mean").mark_line(color="#808080", opacity=0.55, strokeWidth=1.2)
    point = base.transform_filter("!datum.mean").mark_point(filled=True, color="#808080", opacity=0.8, size=16)
    mean = base.transform_filter("datum.mean").mark_line(color=COLOURS[1], strokeWidth=3)
    name = base.transform_filter(f"datum.shots == {max(shots)}").mark_text(align="left", dx=8, fontSize=10, color=INK)
    layers = (
        each.encode(detail="name:N"),
        point.encode(description="label:N"),
        mean,
        name.encode(text="name:N", y=alt.Y("label_at:Q", scale=_domain(rows))),
    )
    max_names = max(len({row["name"] for row in panel}) for panel in panels)
    return render(alt.layer(*layers).properties(width=230, height=max(200, 11 * max_names)), panels)


def heat_map(rows: PlotRows, arms: Sequence[str], languages: Sequence[str]) -> str:
    """Differences by language and arm, centred on zero. Rows: language, arm, value (None = missing), text, label."""
    limit = max([abs(row["value"]) for row in rows if row["value"] is not None] + [1.0])
    colour = alt.Color(
        "value:Q",
        legend=None,
        scale=alt.Scale(scheme="purpleorange", reverse=True, domain=[-limit, limit], domainMid=0),
    )
    x = alt.X("arm:N", sort=list(arms), title=None, axis=alt.Axis(orient="top", labelAngle=-35, labelLimit=260))
    y = alt.Y("language:N", sort=list(languages), title=None, axis=alt.Axis(labelLimit=220))
    base = alt.Chart(rows_data()).encode(x=x, y=y)
    ink = alt.when(f"abs(datum.value) > {0.7 * limit}").then(alt.value("#fff")).otherwise(alt.value("#111"))
    present = base.transform_filter("datum.value !== null")
    missing = base.transform_filter("datum.value === null")
    layers = (
        present.mark_rect(stroke="#fff", strokeWidth=1).encode(color=colour, description="label:N"),
        present.mark_text(fontSize=11).encode(text="text:N", color=ink),
        missing.mark_text(fontSize=11, fontStyle="italic", color=INK, opacity=0.7).encode(text="text:N"),
    )
    return render(alt.layer(*layers).properties(width=alt.Step(62), height=alt.Step(21)), [rows])[0]


def forest(rows: PlotRows, names: Sequence[str]) -> str:
    """A forest plot: one estimate with its interval per line, and a line at zero. Rows: name, value, low, high,
    label."""
    limit = max([abs(row[key]) for row in rows for key in ("low", "high")] + [1.0]) * 1.05
    title = "difference in points"
    x = alt.X("value:Q", title=title, scale=alt.Scale(domain=[-limit, limit]))
    two_lines = "split(replace(datum.label, ' vs ', '|vs '), '|')"
    axis = alt.Axis(labelExpr=two_lines, labelLimit=200, grid=False)
    y = alt.Y("name:N", sort=list(names), title=None, axis=axis)
    base = alt.Chart(rows_data()).encode(y=y)
    layers = (
        alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=INK, opacity=0.5).encode(x="zero:Q"),
        base.mark_rule(strokeWidth=2, color=COLOURS[1]).encode(x=alt.X("low:Q", title=title), x2="high:Q"),
        base.mark_point(filled=True, opacity=1, size=55, color=COLOURS[1]).encode(x=x, description="label:N"),
    )
    return render(alt.layer(*layers).properties(width=215, height=alt.Step(31)), [rows])[0]


def interactions(panels: Sequence[PlotRows], names: Sequence[str], series: Sequence[str]) -> list[str]:
    """One plot per panel on one scale, a line per name, a mark per series, filled if `significant`. Rows: name, series,
    value, low, high, significant, label."""
    bounds = [row[key] for panel in panels for row in panel for key in ("low", "high")]
    x = alt.X("value:Q", title=None, scale=alt.Scale(domain=[min(*bounds, 0.0), max(*bounds, 0.0)]))
    first_bold: Any = alt.expr(f"datum.value == '{names[0]}' ? 'bold' : 'normal'")
    axis = alt.Axis(labelLimit=130, grid=False, labelFontWeight=first_bold)
    y = alt.Y("name:N", sort=list(names), title=None, axis=axis)
    offset = alt.YOffset("series:N", sort=list(series), scale=alt.Scale(paddingOuter=0.6))
    colour, shape = _colour(series, first=1), _shape(series, first=1)
    base = alt.Chart(rows_data()).encode(y=y, yOffset=offset, color=colour)
    fill = alt.when("datum.significant").then(colour).otherwise(alt.value("#fff"))
    layers = (
        alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=INK, opacity=0.5).encode(x="zero:Q"),
        base.mark_rule(strokeWidth=1.5, opacity=0.75).encode(x=alt.X("low:Q", title=None), x2="high:Q"),
        base.mark_point(opacity=1, size=42, strokeWidth=1.5).encode(x=x, shape=shape, fill=fill, description="label:N"),
    )
    step = alt.Step(max(16, 9 * len(series)), **{"for": "position"})
    return render(alt.layer(*layers).properties(width=190, height=step), panels)


def layer_curve(rows: PlotRows, chosen: int) -> str:
    """Retrieval accuracy by layer, the chosen one marked. Rows: layer, value, label."""
    x = alt.X("layer:O", title="layer", axis=alt.Axis(labelAngle=0))
    y = alt.Y("value:Q", title=None, scale=_domain(rows), axis=alt.Axis(format="d", tickCount=5))
    base = alt.Chart(rows_data()).encode(x=x, y=y)
    mark = alt.when(f"datum.layer == {chosen}")
    point = base.mark_point(filled=True, opacity=1).encode(
        color=mark.then(alt.value(COLOURS[2])).otherwise(alt.value(COLOURS[1])),
        size=mark.then(alt.value(110)).otherwise(alt.value(38)),
        description="label:N",
    )
    line = base.mark_line(strokeWidth=1.8, color=COLOURS[1])
    return render(alt.layer(line, point).properties(width=300, height=180), [rows])[0]


def layer_lines(panels: Sequence[PlotRows], series: Sequence[str]) -> list[str]:
    """One plot per panel, a line for each series over the layers. Rows: series, layer, value, label."""
    scale = _domain([row for panel in panels for row in panel])
    x = alt.X("layer:O", title="layer", axis=alt.Axis(labelAngle=0))
    y = alt.Y("value:Q", title=None, scale=scale, axis=alt.Axis(format="d", tickCount=5))
    base = alt.Chart(rows_data()).encode(x=x, y=y, color=_colour(series))
    point = base.mark_point(filled=True, opacity=1, size=38).encode(shape=_shape(series), description="label:N")
    chart = alt.layer(base.mark_line(strokeWidth=1.5), point).properties(width=300, height=180)
    return render(chart, panels)


def render(chart: alt.LayerChart | alt.FacetChart, panels: Sequence[PlotRows]) -> list[str]:
    """Render every panel with one chart, because building a chart in Altair takes longer than rendering it."""
    spec = chart.to_dict() | {"config": _CONFIG}
    return [_with_tooltips(vl_convert.vegalite_to_svg(spec | {"datasets": {"rows": list(rows)}})) for rows in panels]


def _dodge(panel: PlotRows, series: Sequence[str], shots: Sequence[int]) -> PlotRows:
    """Rows with `at`, the x position of k, shifted for each series so that intervals do not overlap."""
    middle, offset = (len(series) - 1) / 2, min(0.08, 0.5 / len(series))
    return [{**row, "at": shots.index(row["shots"]) + offset * (series.index(row["series"]) - middle)} for row in panel]


def _with_tooltips(svg: str) -> str:
    """Add a <title> to each mark: browsers show it on hover, but not aria-label. Labels are already escaped."""
    return _LABELLED.sub(r"<\1\2><title>\3</title></\1>", svg).replace(_XLINK, "")


def rows_data() -> alt.NamedData:
    return alt.NamedData(name="rows")


def _domain(rows: PlotRows) -> alt.Scale:
    """One scale for all panels, in points, from the lowest to the highest bound."""
    low = min((row.get("low", row["value"]) for row in rows), default=0.0)
    high = max((row.get("high", row["value"]) for row in rows), default=100.0)
    return alt.Scale(domain=[max(0.0, low - _SCALE_MARGIN), min(100.0, high + _SCALE_MARGIN)], nice=True, zero=False)


def _colour(series: Sequence[str], first: int = 0) -> alt.Color:
    colours = [style_of(first + position)[0] for position in range(len(series))]
    return alt.Color("series:N", legend=None, scale=alt.Scale(domain=list(series), range=colours))


def _shape(series: Sequence[str], first: int = 0) -> alt.Shape:
    shapes = [style_of(first + position)[1] for position in range(len(series))]
    return alt.Shape("series:N", legend=None, scale=alt.Scale(domain=list(series), range=shapes))
