"""`refit`: after target training, the head is the closed-form solution on the trained encoder."""

import json

import polars as pl
import pytest
import torch
from tests.world import TRAIN, World

from xstilts.config.training import Train
from xstilts.data.user_files import user_task
from xstilts.export.label_file import load_model
from xstilts.methods import closed_form_head
from xstilts.planning.specs import EvaluateStage, FewshotStage, TargetStage
from xstilts.problems import PROBLEMS
from xstilts.recipe.issues import dotted
from xstilts.recipe.validate import validate


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def run(world, task, train, **settings):
    targets = {task: {"train": train, "languages": ["sw"]}}
    fewshot = {"shots": [2], "draws": 1, "methods": ["lda", "logreg", "full"], "train": TRAIN}
    recipe = world.recipe(targets=targets, fewshot=fewshot, keep_fewshot_weights=True, **settings)
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    return recipe, graph


def stages_of(graph, kind):
    return [spec for spec in graph.stages.values() if isinstance(spec, kind)]


def predictions(world, key):
    frame = pl.read_parquet(world.store.path(key) / "items.parquet").sort("item")
    return [json.loads(value) for value in frame["predicted"]]


@pytest.mark.parametrize("task", ["topic", "mark"])
@pytest.mark.parametrize("train", [TRAIN | {"steps": 2}, TRAIN | {"frozen_layers": 1}])
def test_the_scored_head_is_that_of_the_closed_form_without_shots(world, task, train):
    """Also where training has not read all examples, which the head is solved on."""
    recipe, graph = run(world, task, train | {"refit": True, "head_start": "random"})
    (target,) = stages_of(graph, TargetStage)
    facts = world.store.manifest(target.key).facts
    assert (facts.training.refit, facts.training.head_start, facts.training.weights_changed) == (True, "random", True)
    evaluations = {spec.data.language: spec.key for spec in stages_of(graph, EvaluateStage)}
    method = closed_form_head(PROBLEMS[facts.model.problem]).name
    zero_shot = [x for x in stages_of(graph, FewshotStage) if x.method.name == method and not x.shots]
    solved = {x.evaluation.language: x.key for x in zero_shot}
    assert evaluations.keys() == solved.keys() == {"en", "sw"}
    assert method == ("logreg" if task == "topic" else "lda")
    for language, key in evaluations.items():
        assert predictions(world, key) == predictions(world, solved[language])
    environment = world.environment(recipe)
    heads = [load_model(world.store, key, environment).model.classifier for key in (target.key, solved["en"])]
    scale = heads[0].weight.norm() / heads[1].weight.norm()
    torch.testing.assert_close(heads[0].weight, heads[1].weight * scale, rtol=1e-2, atol=1e-3)


def test_a_trained_head_without_refit_is_another(world):
    recipe, graph = run(world, "topic", TRAIN | {"head_start": "random"})
    (target,) = stages_of(graph, TargetStage)
    assert not world.store.manifest(target.key).facts.training.refit
    zero_shot = [x for x in stages_of(graph, FewshotStage) if not x.shots and x.evaluation.language == "en"]
    (lda,) = [x for x in zero_shot if x.method.name == "lda"]
    heads = [load_model(world.store, x.key, world.environment(recipe)).model.classifier.weight for x in (target, lda)]
    cosine = torch.nn.functional.cosine_similarity(*(head.flatten() for head in heads), dim=0)
    assert cosine < 0.9


def test_the_key_of_a_stage_without_refit_does_not_name_it(world):
    assert "refit" not in Train().model_dump() and Train(refit=True).model_dump()["refit"] is True
    plain, refit = (
        {
            type(spec).__name__: spec.key
            for spec in world.graph(world.recipe(targets=targets, frozen=True)).stages.values()
        }
        for targets in ({"topic": {"train": TRAIN}}, {"topic": {"train": TRAIN | {"refit": True}}})
    )
    assert plain["TargetStage"] != refit["TargetStage"]
    assert plain["FewshotStage"] == refit["FewshotStage"], "the frozen encoder has no trained head"


def test_a_span_head_is_refused(world):
    recipe = world.recipe(targets={"find": {"train": TRAIN | {"refit": True}}})
    tasks = {name: user_task(name, block, world.folder) for name, block in recipe.tasks.items()}
    assert [(issue.code, dotted(issue.path)) for issue in validate(recipe, tasks)] == [
        ("not-applicable", "targets.find.train.refit")
    ]
