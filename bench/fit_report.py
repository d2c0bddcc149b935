"""Tables and a figure of the rows that `bench/fit.py` measured.

python bench/fit_report.py ROWS.parquet ... --write docs/fit-accuracy.md
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import altair as alt
import numpy as np
import polars as pl
import vl_convert
from scipy.stats import t as student

from harness import BENCH_DIR, machine

FIT, LOGISTIC, BALANCED, SVC = "fit", "LogisticRegression", "balanced LogisticRegression", "LinearSVC"
FIGURE = BENCH_DIR.parent / "docs" / "figures" / "fit.svg"
START, END = "<!-- bench -->", "<!-- /bench -->"
SAMPLES = 2000


def report(rows: pl.DataFrame) -> str:
    """Scores with paired intervals over languages and draws, cells that lose, and coverage."""
    return "\n".join([*_scores(rows), "", *_cells(rows), "", *_coverage(rows)])


def _scores(rows: pl.DataFrame) -> Iterator[str]:
    yield (
        "| data | languages | k | `fit` | LogisticRegression | balanced | `fit` − LogisticRegression | "
        "`fit` − balanced | `fit` − LinearSVC |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    parts = [(task, k, part) for (task, k), part in rows.group_by("task", "k", maintain_order=True)]
    parts += [("all", k, part) for (k,), part in rows.group_by("k", maintain_order=True)]
    for task, k, part in [*parts, ("all", "", rows)]:
        means = [_mean(part, name) for name in (FIT, LOGISTIC, BALANCED)]
        gaps = [_gap(differences(part, name)) for name in (LOGISTIC, BALANCED, SVC)]
        languages = part.select("task", "language").n_unique()
        yield f"| {task} | {languages} | {k} | " + " | ".join([*means, *gaps]) + " |"


def _mean(rows: pl.DataFrame, method: str) -> str:
    """The mean score over languages, in points."""
    means = rows.filter(pl.col("method") == method).group_by("task", "language").agg(pl.col("score").mean())
    return f"{100 * np.mean(means['score'].to_numpy()):.1f}" if len(means) else "not run"


def differences(rows: pl.DataFrame, method: str) -> pl.DataFrame:
    """`fit` minus a method in points, for every language, k and draw that both have."""
    wide = rows.pivot("method", index=["task", "language", "k", "draw"], values="score")
    if FIT not in wide.columns or method not in wide.columns:
        return wide.clear().with_columns(d=pl.lit(0.0))
    return wide.drop_nulls([FIT, method]).with_columns(d=100 * (pl.col(FIT) - pl.col(method)))


def _gap(wide: pl.DataFrame) -> str:
    """The mean over languages, with a 95% interval from a bootstrap over languages and their draws."""
    if not len(wide):
        return "not run"
    rng = np.random.default_rng(0)
    parts = [part["d"].to_numpy() for _, part in wide.group_by("task", "language", maintain_order=True)]
    samples = [
        np.mean([rng.choice(parts[number], len(parts[number])).mean() for number in drawn])
        for drawn in rng.integers(len(parts), size=(SAMPLES, len(parts)))
    ]
    low, high = np.percentile(samples, [2.5, 97.5])
    mean = np.mean([part.mean() for part in parts])
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def _cells(rows: pl.DataFrame) -> Iterator[str]:
    """How many cells (language and k) are behind or ahead beyond the interval over draws."""
    for method in (LOGISTIC, BALANCED, SVC):
        bounds = [
            _interval(part["d"].to_numpy()) for _, part in differences(rows, method).group_by("task", "language", "k")
        ]
        known = [bound for bound in bounds if bound is not None]
        if known:
            behind, ahead = sum(high < 0 for _, high in known), sum(low > 0 for low, _ in known)
            yield (
                f"Against {method}, `fit` is behind in {behind} of {len(known)} cells (language and k), beyond the 95% "
                f"interval over draws, and ahead in {ahead}."
            )


def _interval(values: np.ndarray) -> tuple[float, float] | None:
    """Student's 95% interval of the mean; None for fewer than three draws."""
    if len(values) < 3:
        return None
    half = float(student.ppf(0.975, len(values) - 1)) * values.std(ddof=1) / len(values) ** 0.5
    return values.mean() - half, values.mean() + half


def _coverage(rows: pl.DataFrame) -> Iterator[str]:
    known = rows.filter(pl.col("method") == FIT, ~pl.col("again").is_nan()).with_columns(
        inside=100.0 * ((pl.col("again") >= pl.col("low")) & (pl.col("again") <= pl.col("high"))),
        width=100 * (pl.col("high") - pl.col("low")),
    )
    if not len(known):
        return
    yield "| data | k | repetitions | in the 95% interval | median width |"
    yield "|---|--:|--:|--:|--:|"
    for (task, k), part in known.group_by("task", "k", maintain_order=True):
        yield f"| {task} | {k} | {len(part)} | {part['inside'].mean():.0f}% | {part['width'].median():.0f} |"
    yield f"| all | | {len(known)} | {known['inside'].mean():.1f}% | {known['width'].median():.0f} |"


def figure(rows: pl.DataFrame) -> str:
    """`fit` minus LogisticRegression for each language as SVG: points are draws, ticks their mean."""
    every = differences(rows, LOGISTIC)
    edge = 2 + max(abs(every["d"].min()), abs(every["d"].max()))  # type: ignore[arg-type]
    charts = [_one_set(part, str(task), edge) for (task,), part in every.group_by("task", maintain_order=True)]
    chart = alt.vconcat(*charts).configure_axis(titleFontWeight="normal").configure_title(anchor="start")
    return vl_convert.vegalite_to_svg(chart.to_dict())


def _one_set(rows: pl.DataFrame, task: str, edge: float) -> alt.FacetChart:
    """A row of panels, one for each k."""
    values = [
        {"language": row["language"], "k": f"{task}, k = {row['k']}", "points": row["d"]}
        for row in rows.iter_rows(named=True)
    ]
    axis = alt.X("points:Q", title="points ahead", scale=alt.Scale(domain=[-edge, edge]))
    base = alt.Chart().encode(x=axis, y=alt.Y("language:N", title=None))
    layers = (
        alt.Chart().mark_rule(color="#888").encode(x=alt.datum(0)),
        base.mark_circle(opacity=0.5, size=25),
        base.mark_tick(thickness=3, size=12, color="#c33").encode(x=alt.X("mean(points):Q", title="points ahead")),
    )
    order = list(dict.fromkeys(value["k"] for value in values))
    return (
        alt.layer(*layers, data=alt.Data(values=values))
        .properties(width=190, height=alt.Step(16))
        .facet(column=alt.Column("k:N", title=None, sort=order))
    )


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="+", type=Path)
    parser.add_argument("--write", type=Path, help="a page with the marks between which the tables go")
    options = parser.parse_args(argv)
    rows = pl.concat([pl.read_parquet(path) for path in options.rows])
    text = f"{report(rows)}\n\n{machine()}"
    print(text)
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        before, _, rest = page.partition(START)
        options.write.write_text(f"{before}{START}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
        FIGURE.write_text(figure(rows), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
