"""The tables and the figure of `bench/accuracy_peers.py`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import altair as alt
import polars as pl
import vl_convert

from accuracy import RESAMPLES, Arms, difference
from harness import JsonDict
from xstilts.analysis import stats
from xstilts.plurals import plural
from xstilts.problems import Example, Labelled
from xstilts.problems.scores import score_frame
from xstilts.report.plots import COLOURS, SHAPES

SHOTS = (4, 16)
LOGREG, LDA, LOGISTIC = "logreg", "lda", "LogisticRegression"
SETFIT, TRAINER = "SetFit", "Trainer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a method did with k shots of one draw in one language; `seconds` are processor seconds of training."""

    method: str
    k: int
    language: str
    draw: int
    seconds: float
    prediction_seconds: float
    predicted: list[str]
    facts: JsonDict = field(default_factory=dict)

    @property
    def steps(self) -> str:
        """The steps on English and on the shots, or on both at once; empty without any."""
        return " + ".join(str(self.facts[name]) for name in ("english_steps", "steps") if name in self.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All runs of a data set."""

    task: str
    metric: str
    scored: Mapping[str, Sequence[Example]]
    """The scored examples of each language."""
    runs: Sequence[Run]

    @property
    def methods(self) -> list[str]:
        return list(dict.fromkeys(run.method for run in self.runs))

    def of(self, method: str, k: int) -> list[Run]:
        return [run for run in self.runs if (run.method, run.k) == (method, k)]

    def arms(self, methods: Sequence[str], k: int) -> list[Arms]:
        """The scored items of each method, in the languages and draws that all of them have."""
        cells = [{(run.language, run.draw) for run in self.of(method, k)} for method in methods]
        shared = set.intersection(*cells)
        arms: list[Arms] = [{} for _ in methods]
        for arm, method in zip(arms, methods, strict=True):
            for run in self.of(method, k):
                if (run.language, run.draw) in shared:
                    arm.setdefault(run.language, {})[0, run.draw] = self._frame(run)
        return arms

    def _frame(self, run: Run) -> pl.DataFrame:
        items = [item for item in self.scored[run.language] if isinstance(item, Labelled)]
        ids = [(item.id, item.group) for item in items]
        return score_frame("classification", ids, [item.label for item in items], run.predicted)

    def mean(self, method: str, k: int) -> float:
        (arm,) = self.arms([method], k)
        return stats.arm_interval(arm, self.metric, resamples=RESAMPLES).value

    def contrast(self, method: str, k: int) -> stats.TaskContrast:
        """`logreg` minus the method."""
        ours, theirs = self.arms([LOGREG, method], k)
        return stats.task_contrast([(1.0, ours), (-1.0, theirs)], self.metric, resamples=RESAMPLES)


def tables(sets: Sequence[Measured]) -> Iterator[str]:
    """The differences averaged over the data sets, then a table for each set."""
    methods = list(dict.fromkeys(method for measured in sets for method in measured.methods))
    yield "| `logreg` minus | sets | " + " | ".join(f"k = {k}" for k in SHOTS) + " | both |"
    yield "|---|--:|" + "--:|" * (len(SHOTS) + 1)
    for method in methods[1:]:
        contrasts = {k: [m.contrast(method, k) for m in sets if m.of(method, k)] for k in SHOTS}
        both = [contrast for k in SHOTS for contrast in contrasts[k]] if all(contrasts.values()) else []
        cells = [difference(stats.pooled(found)) if found else "–" for found in (*contrasts.values(), both)]
        yield f"| {method} | {max(map(len, contrasts.values()))} | " + " | ".join(cells) + " |"
    yield ""
    for measured in sets:
        yield from _table(measured)


def _table(measured: Measured) -> Iterator[str]:
    languages = ", ".join(measured.scored)
    draws = plural(len({run.draw for run in measured.runs}), "draw")
    items = max(map(len, measured.scored.values()))
    yield f"### `{measured.task}`: {languages}; {draws}, at most {items} items\n"
    metric = _name(measured.metric)
    yield (
        f"| {metric} | "
        + " | ".join(f"k = {k} | seconds | steps | `logreg` minus this" for k in SHOTS)
        + " | seconds of prediction |"
    )
    yield "|---|" + "--:|" * (4 * len(SHOTS) + 1)
    for method in measured.methods:
        cells = [cell for k in SHOTS for cell in _cells(measured, method, k)]
        prediction = fmean(run.prediction_seconds for run in measured.runs if run.method == method)
        yield f"| {method} | " + " | ".join(cells) + f" | {prediction:.1f} |"
    yield ""
    if found := {run.method: run.facts for run in measured.runs if "rate" in run.facts}:
        yield (
            "Trainer's learning rate and its accuracy on held-out English examples: "
            + "; ".join(
                f"{method.removeprefix(TRAINER)[1:]} {facts['rate']:g}, {100 * facts['accuracy']:.1f}"
                for method, facts in found.items()
            )
            + ".\n"
        )


def _name(metric: str) -> str:
    return metric.replace("_f1", " F1")


def _cells(measured: Measured, method: str, k: int) -> list[str]:
    """Score, seconds, steps and difference of a method with k shots."""
    runs = measured.of(method, k)
    if not runs:
        return ["–"] * 4
    score, seconds = measured.mean(method, k), fmean(run.seconds for run in runs)
    minus = "" if method == LOGREG else difference(stats.pooled([measured.contrast(method, k)]))
    return [f"{100 * score:.1f}", f"{seconds:.1f}", runs[0].steps, minus]


def figure(sets: Sequence[Measured]) -> str:
    """Scores against processor seconds as SVG: a column per data set, a row per k; a line joins the multiples."""
    values = [
        {
            "set": f"{measured.task} ({_name(measured.metric)})",
            "k": f"k = {k}",
            "method": method.partition(" x")[0],
            "multiple": method.partition(" x")[2],
            "seconds": fmean(run.seconds for run in measured.of(method, k)),
            "score": 100 * measured.mean(method, k),
        }
        for measured in sets
        for k in SHOTS
        for method in measured.methods
        if measured.of(method, k)
    ]
    methods = list(dict.fromkeys(row["method"] for row in values))
    colours = alt.Scale(domain=methods, range=[*COLOURS[1 : len(methods)], COLOURS[0]])
    shapes = alt.Scale(domain=methods, range=list(SHAPES[: len(methods)]))
    ticks = alt.Axis(values=[3, 10, 30, 100, 300], format="d")
    seconds = alt.X(
        "seconds:Q", title="processor seconds", scale=alt.Scale(type="log", nice=False, padding=8), axis=ticks
    )
    base = alt.Chart().encode(
        x=seconds,
        y=alt.Y("score:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
        color=alt.Color("method:N", title=None, scale=colours),
    )
    points = base.mark_point(filled=True, opacity=1, size=50).encode(shape=alt.Shape("method:N", scale=shapes))
    order = [row["set"] for row in values]
    chart = (
        alt.layer(base.mark_line(), points, data=alt.Data(values=values))
        .properties(width=130, height=120)
        .facet(
            column=alt.Column("set:N", title=None, sort=list(dict.fromkeys(order))),
            row=alt.Row("k:N", title=None, sort=[f"k = {k}" for k in SHOTS]),
        )
        .resolve_scale(y="independent")
        .configure_axis(titleFontWeight="normal")
        .configure_legend(orient="bottom")
    )
    return vl_convert.vegalite_to_svg(chart.to_dict())
