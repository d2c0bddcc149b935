"""Batched few-shot episodes give the same results as separate ones."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from tests.world import TRAIN, World

from xstilts.errors import StageError
from xstilts.planning.specs import FewshotStage
from xstilts.stages.artifacts import WEIGHTS
from xstilts.stages.fewshot import batched, episode
from xstilts.stages.job import run_job

HIGH = {"learning_rate": 1e-2, "head_learning_rate": 1e-2, "dropout": 0.3, "steps": 6, "batch_size": 4}
"""Learning rates at which a wrong dropout mask, clip or batch is visible."""
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
def test_batched_weights_equal_separate_ones(tmp_path, kind, task, method, frozen):
    world = World(tmp_path, kind)
    recipe, batched_specs = episodes(world, task, method, frozen_layers=frozen)
    assert [spec.batched_with for spec in batched_specs] == [((1, 0), (1, 1), (3, 0), (3, 1))] * 4
    separate_specs = [replace(spec, batched_with=None) for spec in batched_specs]
    assert not {spec.key for spec in separate_specs} & {spec.key for spec in batched_specs}
    run_job(separate_specs, world.environment(recipe), world.events.append)
    for separate, batch_spec in zip(separate_specs, batched_specs, strict=True):
        tensors, expected = weights(world, batch_spec), weights(world, separate)
        assert tensors.keys() == expected.keys()
        for name, tensor in expected.items():
            torch.testing.assert_close(tensors[name], tensor, **TOLERANCE)
        training, reference = (world.store.manifest(spec.key).facts.training for spec in (batch_spec, separate))
        assert training.last_loss == pytest.approx(reference.last_loss, rel=1e-4)
        assert training.weights_before == reference.weights_before != training.weights_after


def test_batches_with_unequal_steps_equal_separate_episodes(tmp_path):
    world = World(tmp_path)
    recipe, batched_specs = episodes(world, "topic", "lora", steps=None, epochs=3, batch_tokens=24)
    assert len({world.store.manifest(spec.key).facts.training.steps for spec in batched_specs}) > 1
    spec = batched_specs[-1]
    run_job([replace(spec, batched_with=None)], world.environment(recipe), world.events.append)
    for name, tensor in weights(world, replace(spec, batched_with=None)).items():
        torch.testing.assert_close(weights(world, spec)[name], tensor, **TOLERANCE)


def test_episodes_do_not_depend_on_which_ones_are_stored(tmp_path):
    world = World(tmp_path)
    recipe, batched_specs = episodes(world, "topic", "head")
    last = batched_specs[-1]
    expected = weights(world, last)
    world.store.path(last.key).rename(tmp_path / "away")
    run_job([last], world.environment(recipe), world.events.append)
    assert not world.failures()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(world, last).items())


def test_if_one_episode_diverges_all_train_separately(tmp_path, monkeypatch):
    """Only the episode whose loss is not finite fails."""
    fit, diverging = episode.fit, []

    def diverge(*_, seeds, **__):
        diverging.append(seeds[0])
        raise StageError("the loss is nan at step 1")

    def fit_or_diverge(*args, seed, **kwargs):
        return diverge(seeds=[seed]) if seed == diverging[0] else fit(*args, seed=seed, **kwargs)

    monkeypatch.setattr(batched, "fit_episode_batch", diverge)
    monkeypatch.setattr(episode, "fit", fit_or_diverge)
    world = World(tmp_path)
    recipe = recipe_of(world, "topic", "head")
    graph = world.run(recipe)
    assert [event.message for event in world.failures()] == ["the loss is nan at step 1"] * 2
    stored = [
        spec for spec in graph.stages.values() if isinstance(spec, FewshotStage) and world.store.manifest(spec.key)
    ]
    assert {(spec.shots, spec.draw) for spec in stored} == {(1, 1), (3, 1)}


@pytest.mark.parametrize("kind", ["deberta-v2", "modernbert"])
def test_other_architectures_train_separately(tmp_path, kind):
    world = World(tmp_path, kind)
    recipe, batched_specs = episodes(world, "topic", "lora")
    run_job([replace(batched_specs[0], batched_with=None)], world.environment(recipe), world.events.append)
    expected = weights(world, replace(batched_specs[0], batched_with=None))
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(world, batched_specs[0]).items())
