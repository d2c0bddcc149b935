import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.unit.report.fixture import Experiment, make_experiment, toy_recipe, toy_task
from tests.unit.report.page import Page

from xstilts import cli
from xstilts.analysis.matrix import matrix, wide_table
from xstilts.api import results as api
from xstilts.config.recipe import Intermediate, Target
from xstilts.planning.expand import expand as plan
from xstilts.report import Summary, build

Capture = pytest.CaptureFixture[str]
LANGUAGES = ("en", "de", "fi")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Two arms, two targets of a suite, and a store that holds them."""
    arms = {"none": Intermediate(), "qa": Intermediate(tasks=("qa",)), "nli": Intermediate(tasks=("nli",))}
    recipe = toy_recipe(
        intermediate=arms,
        targets={"xnli": Target(), "tatoeba": Target()},
        development_languages=(),
        fewshot=None,
        primary=None,
    )
    kinds = {"xnli": "classification", "tatoeba": "retrieval", "qa": "choice", "nli": "classification"}
    tasks = {name: toy_task(name, problem, LANGUAGES) for name, problem in kinds.items()}  # type: ignore[arg-type]
    return make_experiment(tmp_path_factory.mktemp("store"), recipe, tasks)


@pytest.fixture
def opened(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    loaded = SimpleNamespace(tasks=experiment.tasks)
    loaded_experiment = SimpleNamespace(
        recipe=experiment.recipe, graph=experiment.graph, store=experiment.store, loaded=loaded
    )
    monkeypatch.setattr(api, "reopen", lambda *_: loaded_experiment)
    return experiment


@pytest.fixture(scope="module")
def report(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, Page]:
    path = tmp_path_factory.mktemp("out") / "report.html"
    summary = build(experiment.recipe, experiment.graph, experiment.store, path, resamples=100, tasks=experiment.tasks)
    return summary, Page(path.read_text(encoding="utf-8"))


def test_the_page_has_suite_averages_the_matrix_and_the_chosen_arms(report: tuple[Summary, Page]) -> None:
    _, page = report
    assert {"suites", "transfer"} <= set(page.ids)
    assert page.row("XTREME average over 2 of 9 tasks")
    assert len(page.row("best on development data")) == 3
    chosen = next(row for row in page.rows if row[0] == "xnli" and len(row) == 6)
    assert sum(int(part.split()[-1]) for part in chosen[-1].split(", ")) == 3
    assert not [row for row in page.rows if row[0] == "tatoeba" and len(row) == 6]
    assert [value for value in page.values("class") if value == "plot"]


def test_the_terminal_shows_the_averages(report: tuple[Summary, Page]) -> None:
    summary, _ = report
    assert summary.tables[-1].row_count == 5
    assert str(summary.tables[-1].title).startswith("XTREME average, including English, zero-shot")


def test_json_and_csv_have_every_number(opened: Experiment, capsys: Capture) -> None:
    assert cli.call(["results", "--matrix", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["intermediate"], row["target"]) for row in rows[:3]] == [
        ("qa", "xnli"),
        ("qa", "tatoeba"),
        ("nli", "xnli"),
    ]
    assert rows[0]["low"] < rows[0]["difference"] < rows[0]["high"]
    assert (rows[0]["languages"], rows[1]["languages"], rows[0]["why"]) == (3, 2, None)
    assert rows[-1]["difference"] is None and rows[-1]["why"].startswith("tatoeba: ")
    assert cli.call(["results", "--matrix", "--format", "csv"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert float(table[0]["difference"]) == pytest.approx(rows[0]["difference"])


def test_text_and_latex_have_one_row_per_arm(opened: Experiment, capsys: Capture) -> None:
    assert cli.call(["results", "--matrix"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["intermediate", "xnli", "tatoeba"]
    assert [line.split("  ")[0] for line in lines] == ["qa", "nli", "best on development data"]
    assert cli.call(["results", "--matrix", "--format", "latex"]) == 0
    assert r"intermediate & xnli & tatoeba \\" in capsys.readouterr().out


def test_a_matrix_needs_arms_to_compare(opened: Experiment, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.call(["results", "--matrix", "--sql", "select 1"]) == 2
    assert capsys.readouterr().out == ""
    loaded_experiment, plain = (
        api.reopen(None, "", ()),
        opened.recipe.model_copy(update={"intermediate": {"none": Intermediate()}}),
    )
    monkeypatch.setattr(loaded_experiment, "recipe", plain)
    monkeypatch.setattr(loaded_experiment, "graph", plan(plain, opened.tasks, "toy-pin"))
    assert cli.call(["results", "--matrix"]) == 2
    assert "without intermediate training" in capsys.readouterr().err


def test_the_wide_table_keeps_the_order(opened: Experiment) -> None:
    loaded_experiment = api.reopen(None, "", ())
    frame = wide_table(matrix(loaded_experiment))
    assert frame.columns == ["intermediate", "xnli", "tatoeba"]
    assert frame.height == 3


def test_one_target_and_one_arm_have_no_matrix(tmp_path: Path) -> None:
    recipe = toy_recipe(targets={"toy-intent": Target(languages=("en", "de"))}, fewshot=None, primary=None)
    toy = make_experiment(tmp_path / "store", recipe)
    build(toy.recipe, toy.graph, toy.store, tmp_path / "r.html", resamples=20, tasks=toy.tasks)
    assert 'id="transfer"' not in (tmp_path / "r.html").read_text(encoding="utf-8")
