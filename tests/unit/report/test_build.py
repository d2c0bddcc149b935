import base64
import hashlib
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console
from tests.unit.report.fixture import Experiment, make_experiment, toy_recipe, toy_task, toy_tasks
from tests.unit.report.page import Page

from xstilts.analysis import stats
from xstilts.analysis.contrasts import compute_estimates
from xstilts.analysis.design import design_of
from xstilts.analysis.results import ArmName, arm_items, scores
from xstilts.config.recipe import Fewshot, Intermediate, Target
from xstilts.methods.lda import Lda
from xstilts.planning.expand import expand as plan
from xstilts.report import Summary, build
from xstilts.report.figures import curves_figure
from xstilts.store.store import Store

_TARGETS = {"toy-intent": Target(languages=("en", "de", "fi", "el")), "toy-bitext": Target(languages=("de", "fi"))}
_EVIL = "<script>alert(1)</script>"


def _report(experiment: Experiment, out: Path, **changes: Any) -> tuple[Summary, Page]:
    summary = build(
        experiment.recipe,
        experiment.graph,
        experiment.store,
        out,
        resamples=200,
        tasks=experiment.tasks,
        text="name: x",
        **changes,
    )
    return summary, Page(out.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    recipe = toy_recipe(targets=_TARGETS, fewshot=Fewshot(shots=(4,), draws=2))
    return make_experiment(tmp_path_factory.mktemp("store"), recipe)


@pytest.fixture(scope="module")
def report(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, Page]:
    return _report(experiment, tmp_path_factory.mktemp("out") / "deep" / "report.html")


def test_the_page_has_no_external_resources(report: tuple[Summary, Page]) -> None:
    page = report[1]
    assert not page.values("src") and not page.values("srcset")
    assert not {"link", "iframe", "img", "object", "embed", "base"} & set(page.tags)
    assert not [href for href in page.values("href") if "//" in href]
    assert not re.search(r"url\(|@import", page.html)


def test_every_internal_link_has_a_target(report: tuple[Summary, Page]) -> None:
    page = report[1]
    targets = {href[1:] for href in page.values("href") if href.startswith("#")}
    assert len(targets) > 20
    assert targets <= set(page.ids)
    assert max(page.ids.values()) == 1


def test_every_artifact_has_a_row_with_a_link_to_its_folder(
    experiment: Experiment, report: tuple[Summary, Page]
) -> None:
    summary, page = report
    folders = [href for href in page.values("href") if "artifacts/" in href]
    assert len(folders) == len(experiment.graph.stages)
    for key, href in zip(experiment.graph.stages, folders, strict=True):
        assert f"a-{key[:10]}" in page.ids
        assert (summary.path.parent / href).resolve() == experiment.store.path(key).resolve()


def test_means_equal_the_means_of_the_scores(experiment: Experiment, report: tuple[Summary, Page]) -> None:
    frame = scores(experiment.graph.cells, experiment.store, "synthetic").filter(
        pl.col("metric") == "macro_f1", pl.col("task") == "toy-intent"
    )
    arms = (("none", 0), ("none", 4), ("toy-qa", 0), ("toy-qa", 4))
    for row, languages in (("mean", ("de", "fi")), ("German", ("de",)), ("Greek", ("el",))):
        shown = [float(cell.split()[0]) for cell in report[1].row(row)[1:]]
        frames = [
            frame.filter(pl.col("intermediate") == name, pl.col("shots") == shots, pl.col("language").is_in(languages))
            for name, shots in arms
        ]
        assert shown == pytest.approx([100 * rows["value"].mean() for rows in frames], abs=0.051)


def test_intervals_and_the_primary_sentence_come_from_the_statistics(
    experiment: Experiment, report: tuple[Summary, Page]
) -> None:
    summary, page = report
    cells, store, languages = experiment.graph.cells, experiment.store, ("de", "fi")
    treated, baseline = (
        arm_items(cells, store, "toy-intent", ArmName(intermediate=name, method="full", shots=4))
        for name in ("toy-qa", "none")
    )
    estimate = stats.contrast([(1, treated), (-1, baseline)], "macro_f1", languages=languages, resamples=200)
    assert summary.primary == stats.sentence(
        estimate, "On toy-intent, toy-qa → 4-shot instead of none → 4-shot changes macro F1"
    ).replace(" -", " −")
    assert summary.primary in page.text
    mean = stats.arm_interval({name: treated[name] for name in languages}, "macro_f1", resamples=200)
    assert page.row("mean")[-1].endswith(f"±{50 * (mean.high - mean.low):.1f}")


def test_every_contrast_has_a_sentence_and_all_but_the_primary_are_corrected(report: tuple[Summary, Page]) -> None:
    summary, page = report
    assert len(summary.sentences) == 6 + 1
    assert all(sentence in page.text for sentence in summary.sentences)
    assert page.row("toy-qa → 4-shot vs none → 4-shot")[3] == "–"
    assert re.fullmatch(r"0\.\d{3}|1\.000|< 0\.001", page.row("interaction")[3])


def test_development_languages_and_the_source_are_marked(report: tuple[Summary, Page]) -> None:
    page = report[1]
    assert page.row("English")[0] == "English en, source"
    assert page.row("Greek")[0] == "Greek el, development"
    assert page.row("English")[2] == "–"
    assert "The mean is over the 2 languages that every arm has." in page.text


def test_weaknesses_overlaps_and_few_shot_training_are_on_the_page(report: tuple[Summary, Page]) -> None:
    page = report[1]
    assert page.text.count("Made by a random generator") == 2
    assert "e5-small is not known to have been trained on any of these tasks." in page.text
    training = next(row for row in page.rows if row[:2] == ["toy-intent", "toy-qa → 4-shot"])
    assert training[2:] == ["18 of 18", "18 of 18", "40", "40", "none (fixed number of steps)"]
    assert "Chosen on these data: layer 12, mean pooling." in page.text
    assert "Sentence vectors: layer 12, mean pooling." in page.text
    assert "k is the number of shots per class." in page.text
    assert "name: x" in page.text


def test_the_terminal_shows_the_same_numbers(report: tuple[Summary, Page]) -> None:
    console = Console(width=200, file=StringIO())
    for table in report[0].tables:
        console.print(table)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(cell in printed for cell in report[1].row("mean"))
    assert printed.count("German") == 2


def test_reports_are_deterministic(experiment: Experiment, report: tuple[Summary, Page]) -> None:
    _, again = _report(experiment, report[0].path)
    assert again.html == report[1].html


def test_a_missing_score_is_shown_as_missing(tmp_path: Path) -> None:
    recipe = toy_recipe(targets={"toy-intent": _TARGETS["toy-intent"]}, fewshot=Fewshot(shots=(4,), draws=2))
    incomplete = make_experiment(tmp_path / "store", recipe, without=1)
    summary, page = _report(incomplete, tmp_path / "report.html")
    missing = incomplete.graph.cells[-1]
    assert missing.language == "el" and missing.intermediate == "toy-qa" and missing.shots == 4
    assert page.row("Greek")[-1] == "missing"
    assert "missing" not in page.row("mean")
    assert any("1 of 60 scores are missing" in notice for notice in summary.notices)
    assert "changes macro F1 by" in summary.primary


def test_a_missing_headline_score_makes_its_mean_and_contrasts_missing(tmp_path: Path) -> None:
    recipe = toy_recipe(targets={"toy-intent": Target(languages=("en", "de", "fi"))}, fewshot=Fewshot(draws=1))
    incomplete = make_experiment(tmp_path / "store", recipe, without=1)
    summary, page = _report(incomplete, tmp_path / "report.html")
    assert page.row("mean")[-1] == page.row("Finnish")[-1] == "missing"
    assert summary.primary.endswith("not computed (1 score missing).")
    assert page.row("interaction")[1:] == ["missing", "–", "–", "–"]
    assert "by" in summary.sentences[0] and "points" in summary.sentences[0]


def test_an_empty_store_gives_a_page_of_missing_scores(tmp_path: Path) -> None:
    recipe = toy_recipe(targets=_TARGETS)
    tasks = toy_tasks()
    graph = plan(recipe, tasks, "toy-pin")
    empty = Experiment(recipe=recipe, graph=graph, store=Store(tmp_path / "no"), tasks=tasks)
    _, page = _report(empty, tmp_path / "report.html")
    assert set(page.row("mean")[1:]) == {"missing"}
    assert {href[1:] for href in page.values("href") if href.startswith("#")} <= set(page.ids)


def test_fewer_than_three_seeds_and_oracles_are_flagged(tmp_path: Path) -> None:
    recipe = toy_recipe(
        targets={"toy-intent": Target(languages=("en", "de"))},
        seeds=(0,),
        fewshot=Fewshot(draws=1, selection="target_dev"),
    )
    summary, page = _report(make_experiment(tmp_path / "store", recipe), tmp_path / "report.html")
    assert "indicative" in page.text
    assert any("oracle" in notice for notice in summary.notices)
    assert any("ORACLE" in cell for row in page.rows for cell in row)


def test_controls_and_several_methods_are_on_the_page(tmp_path: Path) -> None:
    recipe = toy_recipe(
        targets={"toy-intent": Target(languages=("en", "de"))},
        intermediate={
            "none": Intermediate(),
            "toy-qa": Intermediate(tasks=("toy-qa",)),
            "longer": Intermediate(match_steps_of="toy-qa"),
        },
        fewshot=Fewshot(shots=(1, 4), draws=1, methods=("full", "lora"), more_english=True),
    )
    summary, page = _report(make_experiment(tmp_path / "store", recipe), tmp_path / "report.html")
    assert "controls" in page.ids
    assert re.search(r"longer → zero-shot; longer → .*: the same number of steps, all on the target task\.", page.text)
    assert page.row("toy-qa → 4-shot vs toy-qa → 4-shot, more-english")[1] != "missing"
    assert "number of shots k (LoRA)" in page.text
    assert re.search(r"<title>German \(de\), 4-shot: \d+\.\d</title>", page.html)
    assert sum("instead of" in sentence for sentence in summary.sentences) >= 5


def test_the_trivial_baseline_is_a_column_of_every_table_of_scores_and_trains_nothing(tmp_path: Path) -> None:
    tasks = {"toy-intent": toy_task("toy-intent", "classification"), "toy-tags": toy_task("toy-tags", "tagging")}
    recipe = toy_recipe(
        targets=dict.fromkeys(tasks, Target(languages=("en", "de"))),
        fewshot=Fewshot(shots=(1, 4), draws=1),
        majority=True,
        primary=None,
    )
    experiment = make_experiment(tmp_path / "store", recipe, toy_tasks() | tasks)
    _, page = _report(experiment, tmp_path / "report.html")
    heads = [row for row in page.rows if row and row[0] == "language" and "zero-shot" in row]
    tags = ["most frequent tag", "1-shot, most frequent tag", "4-shot, most frequent tag"]
    model = ["zero-shot", "1-shot", "4-shot"]
    assert heads == [
        ["language", model[0], "majority class", *model[1:], *model],
        ["language", model[0], *tags, *model[1:], *model],
    ]
    value = scores(experiment.graph.cells, experiment.store, "synthetic").filter(
        task="toy-intent", method="majority", language="de", metric="macro_f1"
    )["value"]
    german = next(row for row in page.rows[page.rows.index(heads[0]) :] if row[0].startswith("German"))
    assert german[2].startswith(f"{100 * value.item():.1f}")
    trained = {row[1] for row in page.rows if row and row[0] in tasks and len(row) == 7}
    assert trained == {f"{arm} → {k}-shot" for arm in ("none", "toy-qa") for k in (1, 4)}
    assert not {"missing"} & {cell for row in page.rows for cell in row}
    cells = experiment.graph.cells
    design = design_of(recipe, cells, tasks["toy-tags"])
    figure = curves_figure(design, compute_estimates([design], [], cells, experiment.store, resamples=50), "majority")
    assert figure and "→ most frequent tag" in figure.panels[0].svg and "→ zero-shot" not in figure.panels[0].svg


@pytest.mark.parametrize("methods", [("full",), ("full", "lda"), ("lda",)])
def test_the_methods_section_explains_the_few_shot_methods(tmp_path: Path, methods) -> None:
    fewshot = Fewshot(shots=(4,), draws=1, methods=methods)
    recipe = toy_recipe(targets={"toy-intent": Target(languages=("en", "de"))}, fewshot=fewshot, primary=None)
    _, page = _report(make_experiment(tmp_path / "store", recipe), tmp_path / "report.html")
    assert (Lda.explanation in page.text) == ("lda" in methods)
    assert ("runs for a fixed number of steps" in page.text) == ("full" in methods)


def test_an_effect_shared_by_two_intermediates_is_in_both_tables_and_corrected_once(tmp_path: Path) -> None:
    recipe = toy_recipe(
        targets={"toy-intent": Target(languages=("en", "de"))},
        intermediate={
            "none": Intermediate(),
            "a": Intermediate(tasks=("toy-qa",)),
            "b": Intermediate(tasks=("toy-qa",), max_examples=10),
        },
        fewshot=Fewshot(draws=1),
        primary=None,
    )
    summary, page = _report(make_experiment(tmp_path / "store", recipe), tmp_path / "report.html")
    assert len(summary.sentences) == len(set(summary.sentences)) == 7 + 6
    shared = [row for row in page.rows if row and row[0] == "4-shot only"]
    assert len(shared) == 2 and shared[0] == shared[1]


def test_text_in_backquotes_is_code(tmp_path: Path) -> None:
    recipe = toy_recipe(targets={"toy-intent": Target(languages=("en", "de"))}, fewshot=Fewshot(draws=1))
    tasks = toy_tasks(weaknesses=("see `<b>a & b</b>` and ` alone",))
    _, page = _report(make_experiment(tmp_path / "store", recipe, tasks), tmp_path / "report.html")
    assert "see <code>&lt;b&gt;a &amp; b&lt;/b&gt;</code> and ` alone" in page.html


def test_markup_in_names_and_texts_is_escaped(tmp_path: Path) -> None:
    recipe = toy_recipe(
        targets={"toy-intent": Target(languages=("en", "de"))},
        description=_EVIL,
        intermediate={"none": Intermediate(), _EVIL: Intermediate(tasks=("toy-qa",))},
        fewshot=Fewshot(draws=1),
        primary=None,
    )
    tasks = toy_tasks(weaknesses=(_EVIL, '"><img src=x onerror=alert(1)>'))
    summary, page = _report(make_experiment(tmp_path / "store", recipe, tasks), tmp_path / "report.html")
    assert summary.primary == "This recipe names no primary contrast."
    assert page.tags["script"] == 1 and "img" not in page.tags
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert page.text.count(_EVIL) > 5


def test_without_a_headline_language_there_is_no_mean(tmp_path: Path) -> None:
    recipe = toy_recipe(targets={"toy-intent": Target(languages=("en", "el"))}, fewshot=Fewshot(draws=1))
    summary, page = _report(make_experiment(tmp_path / "store", recipe), tmp_path / "report.html")
    assert "not computed (no language" in summary.primary
    assert set(page.row("mean")[1:]) == {"–"}


def test_mining_has_a_section_of_its_own(tmp_path: Path) -> None:
    tasks = toy_tasks() | {"toy-pool": toy_task("toy-pool", "mining")}
    targets = {"toy-intent": Target(languages=("en", "de")), "toy-pool": Target(languages=("de", "fi"))}
    recipe = toy_recipe(targets=targets, fewshot=None, primary=None, seeds=(0, 1))
    _, page = _report(make_experiment(tmp_path / "store", recipe, tasks), tmp_path / "report.html")
    assert "toy-pool: mining" in page.html
    assert "a threshold tuned on the dev split" in page.html
    assert "pair F1" in page.html


def test_a_fixed_few_shot_set_is_compared_with_zero_shot_in_the_same_languages(
    tmp_path: Path,
) -> None:
    tasks = toy_tasks()
    tasks["toy-intent"] = replace(tasks["toy-intent"], fixed_shot_sizes={"fi": ("4",)})
    recipe = toy_recipe(
        targets={"toy-intent": Target(languages=("en", "de", "fi"))},
        fewshot=Fewshot(shots=(4,), draws=1, fixed_shots=True),
    )
    _, page = _report(make_experiment(tmp_path / "store", recipe, tasks), tmp_path / "report.html")
    assert page.row("toy-qa, 4-shot")[0] == "toy-qa, 4-shot"
    row = page.row("toy-qa, 4-shot, fixed set")
    assert row[0].endswith("1 language") and "missing" not in row
    assert page.row("Finnish")[1].split()[0] == row[1].split()[0]
    assert "Of 3 interactions in single languages" in page.text


def test_warnings_on_the_data_are_on_the_page_and_in_the_terminal(experiment: Experiment, tmp_path: Path) -> None:
    warnings = tuple(f"toy-intent de test: {number} rows of {_EVIL}" for number in range(10))
    summary, page = _report(experiment, tmp_path / "report.html", warnings=warnings)
    assert summary.notices[-10:] == warnings
    assert page.ids["data"] == 1 and not page.html.count(_EVIL)
    assert page.text.count("de test: 3 rows") == 2, "in the small print of the table and in the section"
    assert page.text.count("de test: 9 rows") == 1, "in the section alone, as there are many"


def test_the_policy_allows_the_script_of_the_page_by_its_hash_only(experiment: Experiment, tmp_path: Path) -> None:
    _, page = _report(experiment, tmp_path / "report.html")
    (policy,) = [value for tag, name, value in page.attributes if (tag, name) == ("meta", "content") and "src" in value]
    directives = dict(directive.strip().split(" ", 1) for directive in policy.split(";"))
    (script,) = re.findall(r"<script>(.*?)</script>", page.html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert directives["script-src"] == f"'sha256-{digest}'"
    assert directives["default-src"] == "'none'"
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
