"""Few-shot episodes side by side learn what each learns alone."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from tests.world import TRAIN, World

from xstilts.errors import StageError
from xstilts.planning.specs import FewshotStage
from xstilts.stages.artifacts import WEIGHTS
from xstilts.stages.fewshot import batched as episode_batch
from xstilts.stages.fewshot import episode
from xstilts.stages.job import run_job

HIGH = {"learning_rate": 1e-2, "head_learning_rate": 1e-2, "dropout": 0.3, "steps": 6, "batch_size": 4}
"""Rates at which a wrong dropout mask, clip or batch shows."""
TOLERANCE = {"rtol": 1e-4, "atol": 2e-6}


def recipe_of(world, task, method, **train):
    return world.recipe(
        targets={task: {"train": TRAIN, "languages": ["sw"]}},
        fewshot={"shots": [1, 3], "draws": 2, "methods": [method], "train": TRAIN | HIGH | train},
        keep_fewshot_weights=True,
    )


def episodes(world, task, method, **train):
    """The recipe and the few-shot stages of a run whose weights are kept."""
    recipe = recipe_of(world, task, method, **train)
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    return recipe, [spec for spec in graph.stages.values() if isinstance(spec, FewshotStage)]


def weights(world, spec):
    return load_file(world.store.path(spec.key) / WEIGHTS)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
@pytest.mark.parametrize("task", ["topic", "mark"])
@pytest.mark.parametrize("method, frozen", [("head", 0), ("lora", 0), ("lora", 1)])
def test_weights_equal_those_of_training_alone(tmp_path, kind, task, method, frozen):
    world = World(tmp_path, kind)
    recipe, together = episodes(world, task, method, frozen_layers=frozen)
    assert [spec.batched_with for spec in together] == [((1, 0), (1, 1), (3, 0), (3, 1))] * 4
    alone = [replace(spec, batched_with=None) for spec in together]
    assert not {spec.key for spec in alone} & {spec.key for spec in together}
    run_job(alone, world.environment(recipe), world.events.append)
    for one, other in zip(alone, together, strict=True):
        found, expected = weights(world, other), weights(world, one)
        assert found.keys() == expected.keys()
        for name, tensor in expected.items():
            torch.testing.assert_close(found[name], tensor, **TOLERANCE)
        facts, known = (world.store.manifest(spec.key).facts for spec in (other, one))
        assert facts.training.last_loss == pytest.approx(known.training.last_loss, rel=1e-4)
        assert facts.training.weights_before == known.training.weights_before != facts.training.weights_after


def test_episodes_of_unequal_steps_learn_as_alone(tmp_path):
    world = World(tmp_path)
    recipe, together = episodes(world, "topic", "lora", steps=None, epochs=3, batch_tokens=24)
    assert len({world.store.manifest(spec.key).facts.training.steps for spec in together}) > 1
    spec = together[-1]
    run_job([replace(spec, batched_with=None)], world.environment(recipe), world.events.append)
    for name, tensor in weights(world, replace(spec, batched_with=None)).items():
        torch.testing.assert_close(weights(world, spec)[name], tensor, **TOLERANCE)


def test_an_episode_is_the_same_whichever_of_its_lineup_was_stored_before(tmp_path):
    world = World(tmp_path)
    recipe, together = episodes(world, "topic", "head")
    last = together[-1]
    there = weights(world, last)
    world.store.path(last.key).rename(tmp_path / "away")
    run_job([last], world.environment(recipe), world.events.append)
    assert not world.failures()
    assert all(torch.equal(tensor, there[name]) for name, tensor in weights(world, last).items())


def test_where_one_diverges_every_episode_is_trained_alone(tmp_path, monkeypatch):
    """A loss of one episode that is not finite stops that one."""
    fit, bad = episode.fit, []

    def diverge(*_, seeds, **__):
        bad.append(seeds[0])
        raise StageError("the loss is nan at step 1")

    def alone(*given, seed, **more):
        return diverge(seeds=[seed]) if seed == bad[0] else fit(*given, seed=seed, **more)

    monkeypatch.setattr(episode_batch, "fit_episode_batch", diverge)
    monkeypatch.setattr(episode, "fit", alone)
    world = World(tmp_path)
    recipe = recipe_of(world, "topic", "head")
    graph = world.run(recipe)
    assert [event.message for event in world.failures()] == ["the loss is nan at step 1"] * 2
    kept = [spec for spec in graph.stages.values() if isinstance(spec, FewshotStage) and world.store.manifest(spec.key)]
    assert {(spec.shots, spec.draw) for spec in kept} == {(1, 1), (3, 1)}


@pytest.mark.parametrize("kind", ["deberta-v2", "modernbert"])
def test_other_architectures_are_trained_alone(tmp_path, kind):
    world = World(tmp_path, kind)
    recipe, together = episodes(world, "topic", "lora")
    run_job([replace(together[0], batched_with=None)], world.environment(recipe), world.events.append)
    expected = weights(world, replace(together[0], batched_with=None))
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(world, together[0]).items())
