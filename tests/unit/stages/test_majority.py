"""The trivial baseline on the tiny files: its predictions, its shots, its leak check and its report."""

import json

import polars as pl
import pytest
from tests.world import TRAIN, World, tasks

from xstilts.metrics import metric
from xstilts.planning.specs import FewshotStage, MajorityStage
from xstilts.stages.job import run_job
from xstilts.store.facts import MajorityFacts


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def stages_of(graph):
    return [stage for stage in graph.stages.values() if isinstance(stage, MajorityStage)]


def facts_of(world, stage) -> MajorityFacts:
    manifest = world.store.manifest(stage.key)
    assert manifest and isinstance(manifest.facts, MajorityFacts)
    return manifest.facts


def run_baseline(world, recipe):
    """Run the stages of the baseline, and nothing else."""
    graph = world.graph(recipe)
    run_job(stages_of(graph), world.environment(recipe), world.events.append)
    return graph


def test_the_majority_class_of_the_english_training_data_is_scored_on_the_items_of_the_model(world):
    recipe = world.recipe(majority=True, targets={"topic": {"train": TRAIN, "languages": ["de"], "max_items": 9}})
    graph = world.run(recipe)
    assert not world.failures()
    frames = {
        (cell.method, cell.language): pl.read_parquet(world.store.path(cell.artifact) / "items.parquet")
        for cell in graph.cells
    }
    for language in ("en", "de"):
        baseline, model = frames["majority", language], frames["zero-shot", language]
        assert baseline.select("item", "group", "gold").equals(model.select("item", "group", "gold"))
        (label,) = set(baseline["predicted"])
        share = (baseline["gold"] == label).mean()
        assert metric("accuracy").score(baseline) == share
    assert frames["majority", "en"]["predicted"][0] == frames["majority", "de"]["predicted"][0]


def test_it_needs_no_encoder(world):
    recipe = world.recipe(majority=True, encoder="e5-small", targets={"topic": {"train": TRAIN}})
    graph = run_baseline(world, recipe)
    assert not world.failures()
    assert {stage.evaluation.language for stage in stages_of(graph)} == {"en", "de", "sw"}
    assert all(facts_of(world, stage).scores.items for stage in stages_of(graph))


def test_tags_are_those_of_english_and_of_the_shots_that_the_other_arms_draw(world):
    fewshot = {"shots": [2], "draws": 2, "train": TRAIN, "methods": ["head"]}
    recipe = world.recipe(majority=True, targets={"mark": {"train": TRAIN, "languages": ["sw"]}}, fewshot=fewshot)
    graph = world.run(recipe)
    assert not world.failures()
    drawn = {
        stage.draw: json.loads((world.store.path(stage.key) / "shots.json").read_text())
        for stage in graph.stages.values()
        if isinstance(stage, FewshotStage)
    }
    shots = {
        stage.draw: json.loads((world.store.path(stage.key) / "shots.json").read_text())
        for stage in stages_of(graph)
        if stage.shots
    }
    assert shots == drawn and len(drawn) == 2
    counts = {(stage.shots, facts_of(world, stage).shots) for stage in stages_of(graph)}
    assert counts == {(0, 0), (2, 2)}
    (zero_shot,) = (stage for stage in stages_of(graph) if not stage.shots and stage.evaluation.language == "sw")
    assert facts_of(world, zero_shot).scores.by_metric["span_f1"] == 1.0, "the tags follow from the words"


def test_training_data_that_are_scored_stop_it(world):
    blocks = tasks()
    files = {language: dict.fromkeys(("train", "dev", "test"), f"{language}.csv") for language in ("en", "de", "sw")}
    blocks["leaky"] = {name: value for name, value in blocks["topic"].items() if name != "fractions"} | {"files": files}
    recipe = world.recipe(tasks=blocks, majority=True, targets={"leaky": {"train": TRAIN}})
    graph = run_baseline(world, recipe)
    assert {event.key for event in world.failures()} == {stage.key for stage in stages_of(graph)}
