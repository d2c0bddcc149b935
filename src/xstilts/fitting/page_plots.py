"""The plots of a fit report as SVG text. Does not import torch."""

import altair as alt
from scipy.stats import binomtest

from xstilts.fitting.report import Bin, Forecast
from xstilts.plurals import plural
from xstilts.report.plots import COLOURS, INK, PlotRows, render, rows_data

_WIDTH, _HEIGHT = 270, 210
"""Pixels; a plot with its axes fits the width of a phone."""


def reliability(bins: tuple[Bin, ...]) -> str:
    """The share of right predictions by their mean probability, with Wilson 95% intervals."""
    scale = alt.Scale(domain=[0, 100])
    ends = alt.Data(values=[{"x": 0, "y": 0}, {"x": 100, "y": 100}])
    x = alt.X("probability:Q", title="probability that the model gives (%)", scale=scale, axis=_axis())
    y = alt.Y("accuracy:Q", title="share that is right (%)", scale=scale, axis=_axis())
    base = alt.Chart(rows_data())
    layers = (
        alt.Chart(ends).mark_line(color=INK, opacity=0.6, strokeDash=[4, 4], strokeWidth=1).encode(x="x:Q", y="y:Q"),
        base.mark_rule(strokeWidth=2, color=COLOURS[1]).encode(x="probability:Q", y="low:Q", y2="high:Q"),
        base.mark_point(filled=True, opacity=1, size=55, color=COLOURS[1]).encode(x=x, y=y, description="label:N"),
    )
    chart = alt.layer(*layers).properties(width=_HEIGHT, height=_HEIGHT)
    return render(chart, [[_bin_row(each) for each in bins if each.rows]])[0]


def learning_curve(points: tuple[Forecast, ...], metric: str) -> str:
    """The score by labelled rows: filled marks are measured, hollow ones forecast."""
    rows: PlotRows = [
        {
            "rows": point.rows,
            "value": 100 * point.score,
            "low": 100 * point.low,
            "high": 100 * point.high,
            "measured": point.measured,
            "label": f"{plural(point.rows, 'row')}: {100 * point.score:.1f} ({100 * point.low:.1f} to "
            f"{100 * point.high:.1f}), {'measured' if point.measured else 'forecast'}",
        }
        for point in points
    ]
    most = max(point.rows for point in points)
    x = alt.X(
        "rows:Q",
        title="labelled rows of the language",
        scale=alt.Scale(domain=[0, most * 1.05], nice=False),
        axis=alt.Axis(tickCount=5, format=",d", labelOverlap=True, grid=False),
    )
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    scale = alt.Scale(domain=[max(0, low - 3), min(100, high + 3)], nice=True, zero=False)
    y = alt.Y("value:Q", title=metric, scale=scale, axis=alt.Axis(format="d", tickCount=5))
    base = alt.Chart(rows_data())
    colour = alt.when("datum.measured").then(alt.value(COLOURS[1])).otherwise(alt.value(COLOURS[2]))
    fill = alt.when("datum.measured").then(alt.value(COLOURS[1])).otherwise(alt.value("transparent"))
    layers = (
        base.mark_line(strokeWidth=1, strokeDash=[3, 3], color=INK, opacity=0.5).encode(x=x, y=y),
        base.mark_rule(strokeWidth=2).encode(x="rows:Q", y=alt.Y("low:Q", title=metric), y2="high:Q", color=colour),
        base.mark_point(opacity=1, size=60, strokeWidth=2).encode(
            x=x, y=y, stroke=colour, fill=fill, description="label:N"
        ),
    )
    return render(alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT), [rows])[0]


def _bin_row(each: Bin) -> dict[str, float | str]:
    right = round(each.accuracy * each.rows)
    interval = binomtest(right, each.rows).proportion_ci(method="wilson")
    return {
        "probability": 100 * each.probability,
        "accuracy": 100 * each.accuracy,
        "low": 100 * interval.low,
        "high": 100 * interval.high,
        "label": f"{plural(each.rows, 'row')} of probability {100 * each.probability:.0f}%: {right} right",
    }


def _axis() -> alt.Axis:
    return alt.Axis(values=[0, 20, 40, 60, 80, 100])
