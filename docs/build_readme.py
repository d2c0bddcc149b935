"""Fill the results block of README.md and docs/figures/quickstart.svg from a store that holds `quickstart`.

Run it after `make quickstart`:  .venv/bin/python docs/build_readme.py [--store store]
"""

import argparse
import re
import tempfile
from pathlib import Path

import altair as alt
import polars as pl
import vl_convert
from babel import Locale

import xstilts

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
FIGURE = HERE / "figures" / "quickstart.svg"
BEGIN, END = "<!-- quickstart:begin -->", "<!-- quickstart:end -->"

RECIPE, TASK, METRIC, BASELINE = "quickstart", "intent", "macro_f1", "none/0/frozen"
ADAPTATIONS = {
    ("frozen", 0): "zero-shot, frozen encoder",
    ("zero-shot", 0): "zero-shot",
    ("frozen", 4): "4-shot, frozen encoder",
    ("full", 4): "4-shot, fine-tuned",
    ("logreg", 4): "4-shot, fine-tuned on English, logistic regression",
}
COLOURS = ("#AAAAAA", "#767676", "#E69F00", "#0072B2", "#56B4E9")


def target_scores(store: Path) -> pl.DataFrame:
    """Macro F1 in points on the target languages: columns language, intermediate, adaptation, seed, draw, value."""
    scores = xstilts.load_results(RECIPE, store=store)
    names = pl.struct("method", "shots").map_elements(
        lambda arm: ADAPTATIONS.get((arm["method"], arm["shots"])), return_dtype=pl.String
    )
    rows = scores.filter(pl.col("task") == TASK, pl.col("metric") == METRIC, pl.col("language") != "en")
    return rows.select(
        "language", "intermediate", names.alias("adaptation"), "seed", "draw", value=100 * pl.col("value")
    ).drop_nulls("adaptation")


def results_table(scores: pl.DataFrame, store: Path) -> str:
    """Means over languages, and paired differences to zero-shot without intermediate training."""
    means = scores.group_by("intermediate", "adaptation").agg(pl.col("value").mean())
    by_arm = {(row["intermediate"], row["adaptation"]): row["value"] for row in means.iter_rows(named=True)}
    lines = [
        "| intermediate training | adaptation | macro F1 | difference to the first row (95% CI) "
        "| minimum detectable effect |",
        "|---|---|--:|--:|--:|",
    ]
    for intermediate in ("none", "english"):
        for (method, shots), adaptation in ADAPTATIONS.items():
            arm = f"{intermediate}/0" if method == "zero-shot" else f"{intermediate}/{shots}/{method}"
            cells = [intermediate, adaptation, f"{by_arm[intermediate, adaptation]:.1f}"]
            cells += ["", ""] if arm == BASELINE else difference_cells(arm, store)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def difference_cells(arm: str, store: Path) -> list[str]:
    differences = xstilts.compare(arm, BASELINE, recipe=RECIPE, task=TASK, store=store)
    mean = next(row for row in differences if row.language == "mean")
    difference = f"{100 * mean.difference:+.1f} ({100 * mean.low:+.1f} to {100 * mean.high:+.1f})"
    return [difference.replace("-", "−"), f"{100 * mean.minimum_detectable_effect:.1f}"]


def primary_sentence(store: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return xstilts.build_report(RECIPE, store=store, out=Path(folder) / "report.html").primary


def figure(scores: pl.DataFrame) -> str:
    """Each run as a small dot, the mean over seeds and draws as a large one; without intermediate training."""
    language = pl.col("language").map_elements(language_name, return_dtype=pl.String)
    rows = scores.filter(pl.col("intermediate") == "none").select(language, "adaptation", "value")
    means = rows.group_by("language", "adaptation").agg(pl.col("value").mean()).sort("language", "adaptation")
    order = means.filter(pl.col("adaptation") == "zero-shot").sort("value", descending=True)["language"].to_list()
    names = list(ADAPTATIONS.values())
    encoding = {
        "x": alt.X("value:Q", title="macro F1 (points)", scale=alt.Scale(domain=[0, 100])),
        "y": alt.Y("language:N", title=None, sort=order),
        "color": alt.Color(
            "adaptation:N",
            scale=alt.Scale(domain=names, range=list(COLOURS)),
            legend=alt.Legend(title=None, symbolOpacity=1, columns=2, labelLimit=400),
        ),
    }
    runs = alt.Chart(alt.Data(values=rows.to_dicts())).mark_point(filled=True, size=14, opacity=0.35)
    dots = alt.Chart(alt.Data(values=means.to_dicts())).mark_point(filled=True, size=110, opacity=1)
    chart = alt.layer(runs.encode(**encoding), dots.encode(**encoding)).properties(
        width=460, height=alt.Step(24), background="white", padding=10
    )
    config = {"legend": {"orient": "top"}, "view": {"stroke": None}, "axis": {"gridColor": "#e5e5e5"}}
    return vl_convert.vegalite_to_svg(chart.to_dict() | {"config": config})


def language_name(code: str) -> str:
    return Locale.parse(code, sep="-").get_language_name("en") or code


def fill(page: str, block: str) -> str:
    """The page with `block` between the markers. Raises ValueError where the markers are missing."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"README.md needs one {BEGIN} and one {END}")
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{block}\n{END}", page, flags=re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path("store"), help="the store of `make quickstart`")
    store = parser.parse_args().store
    scores = target_scores(store)
    if scores.is_empty():
        raise SystemExit(f"{store}/ has no scores of {RECIPE!r} by this version: run `make quickstart` first")
    block = (
        f"{results_table(scores, store)}\n\n"
        "Differences are paired; the intervals in the table are not corrected for multiple comparisons.\n\n"
        f"> Primary contrast, named before the run: {primary_sentence(store)}"
    )
    README.write_text(fill(README.read_text(encoding="utf-8"), block), encoding="utf-8")
    FIGURE.write_text(figure(scores), encoding="utf-8")


if __name__ == "__main__":
    main()
