from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.unit.report.fixture import Experiment, make_experiment, toy_recipe

from xstilts.analysis import stats
from xstilts.analysis.results import (
    PREDICTION_SCHEMA,
    SCORE_SCHEMA,
    ArmName,
    arm_items,
    load_items,
    predictions,
    query,
    scores,
    write_parquet,
)
from xstilts.config.recipe import Arm, Fewshot, Target
from xstilts.errors import UserError
from xstilts.metrics import metric


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    recipe = toy_recipe(
        targets={"toy-intent": Target(languages=("de", "fi", "el")), "toy-bitext": Target(languages=("de", "fi"))},
        seeds=(0, 1),
        fewshot=Fewshot(shots=(4,), draws=2, selection="target_dev"),
    )
    return make_experiment(tmp_path_factory.mktemp("store"), recipe, without=1)


def test_every_stored_cell_has_a_score_by_every_metric(experiment: Experiment) -> None:
    cells = experiment.graph.cells
    frame = scores(cells, experiment.store, "synthetic")
    assert dict(frame.schema) == SCORE_SCHEMA
    intent, bitext = (sum(cell.task == task for cell in cells) for task in ("toy-intent", "toy-bitext"))
    assert frame.height == 2 * intent + 3 * (bitext - 1)
    assert frame["value"].is_between(0, 1).all()
    row = frame.row(0, named=True)
    items = pl.read_parquet(experiment.store.path(row["artifact"]) / "items.parquet")
    assert row["value"] == metric(row["metric"]).score(items)
    assert (row["items"], row["groups"]) == (120, 30)


def test_selection_on_target_data_is_an_oracle(experiment: Experiment) -> None:
    frame = scores(experiment.graph.cells, experiment.store, "synthetic")
    assert set(frame.filter(pl.col("shots") > 0)["selection"]) == {"oracle"}
    assert set(frame.filter(pl.col("shots") == 0)["selection"]) == {None}


def test_a_missing_cell_has_no_scores_and_no_items(experiment: Experiment) -> None:
    cells = experiment.graph.cells
    artifacts = {cell.artifact for cell in cells[:-1]}
    assert set(scores(cells, experiment.store, "synthetic")["artifact"]) == artifacts
    assert set(load_items(cells, experiment.store)) == artifacts


def test_the_items_of_an_arm_by_language_seed_and_draw(experiment: Experiment) -> None:
    cells, store = experiment.graph.cells, experiment.store
    items = arm_items(cells, store, "toy-intent", Arm(intermediate="toy-qa", shots=4))
    assert set(items) == {"de", "fi", "el"}
    assert set(items["de"]) == {(seed, draw) for seed in (0, 1) for draw in (0, 1)}
    zero_shot = arm_items(cells, store, "toy-intent", ArmName(intermediate="none"))
    assert set(zero_shot) == {"en", "de", "fi", "el"}
    assert set(zero_shot["en"]) == {(0, None), (1, None)}
    expected = next(
        cell
        for cell in cells
        if cell.task == "toy-intent" and cell.language == "fi" and cell.seed == 1 and not cell.shots
    )
    assert zero_shot["fi"][1, None].equals(pl.read_parquet(store.path(expected.artifact) / "items.parquet"))


def test_arms_of_a_recipe_and_of_cells_have_the_same_names(experiment: Experiment) -> None:
    zero_shot = next(cell for cell in experiment.graph.cells if cell.shots == 0)
    adapted = next(cell for cell in experiment.graph.cells if cell.shots == 4)
    assert ArmName.of(Arm(intermediate="none", shots=0, method="lora")) == ArmName.of(zero_shot)
    assert ArmName.of(Arm(intermediate="none", shots=4)) == ArmName.of(adapted)
    assert ArmName.of(replace(adapted, method="more-english")) != ArmName.of(adapted)


def test_a_fixed_few_shot_set_is_paired_with_every_draw(experiment: Experiment) -> None:
    cells = [replace(cell, method="fixed-shots-2x2", draw=0) for cell in experiment.graph.cells if cell.draw == 0]
    arm = Arm(intermediate="none", shots="2x2", method="fixed-shots")
    assert ArmName.of(arm) == ArmName(intermediate="none", method="fixed-shots-2x2", shots=4)
    items = arm_items([*experiment.graph.cells, *cells], experiment.store, "toy-intent", arm)
    assert set(items["de"]) == {(0, None), (1, None)}
    drawn = arm_items(experiment.graph.cells, experiment.store, "toy-intent", Arm(intermediate="none", shots=4))
    difference = stats.contrast([(1.0, items), (-1.0, drawn)], "macro_f1", languages=["de"], resamples=50)
    assert (difference.seeds, difference.draws) == (2, 2)


def test_predictions_list_an_artifact_once(experiment: Experiment, tmp_path: Path) -> None:
    cells = experiment.graph.cells
    frame = predictions([*cells, *cells], experiment.store)
    write_parquet(frame, tmp_path / "deep" / "predictions.parquet")
    read = pl.read_parquet(tmp_path / "deep" / "predictions.parquet")
    assert dict(read.schema) == PREDICTION_SCHEMA
    assert read.height == 120 * (len(cells) - 1)
    assert read.select("artifact", "item").is_unique().all()


def test_no_cells_give_empty_frames(experiment: Experiment) -> None:
    assert scores((), experiment.store, "synthetic").schema == SCORE_SCHEMA
    assert predictions((), experiment.store).collect().height == 0


def test_sql_over_scores(experiment: Experiment) -> None:
    frame = scores(experiment.graph.cells, experiment.store, "synthetic")
    answer = query({"scores": frame}, "SELECT language, COUNT(*) AS n FROM scores GROUP BY language ORDER BY language")
    assert answer["language"].to_list() == sorted(frame["language"].unique())
    assert answer["n"].sum() == frame.height


def test_an_invalid_query_is_a_user_error(experiment: Experiment) -> None:
    frame = scores(experiment.graph.cells, experiment.store, "synthetic")
    with pytest.raises(UserError, match="score_of_it") as refused:
        query({"scores": frame}, "SELECT score_of_it FROM scores")
    assert "language" in refused.value.hint


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('{file}')",
        "select * from READ_CSV ('{file}')",
        "select * from \"read_csv\"('{file}')",
        "select * from read_csv/* comment */('{file}')",
        "with t as (select * from read_parquet('{file}')) select * from t",
        "select * from scores union all select * from read_json('{file}')",
        "select * from read_ipc('{file}')",
        "select * from '{file}'",
        "select * from scan_csv('{file}')",
    ],
)
def test_a_query_reads_no_files(tmp_path: Path, sql: str) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("a\nsecret\n")
    with pytest.raises(UserError) as caught:
        query({"scores": pl.DataFrame({"a": ["1"]})}, sql.format(file=file))
    assert "secret\n" not in str(caught.value)
