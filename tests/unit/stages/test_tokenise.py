"""Cached features give the same training as features in memory."""

import os

import pytest
from tests.world import TRAIN, World

from xstilts.models.speed.activation_cache import ActivationCache
from xstilts.planning.specs import TargetStage
from xstilts.stages import tokenise
from xstilts.stages.artifacts import cached_tokenizer, encoder_folder
from xstilts.stages.job_context import JobContext
from xstilts.store.facts import ScoredFacts, TrainedFacts

RECIPE = {
    "intermediate": {"none": {}, "all": {"tasks": ["topic", "mark", "find"], "train": TRAIN}},
    "targets": {task: {"train": TRAIN} for task in ("topic", "mark", "find")},
}

TARGET = {"targets": {"topic": {"train": TRAIN}}}


def cached_folders(world):
    return list((world.folder / "cache" / "features").glob("[!.]*"))


def run_all(folder):
    folder.mkdir()
    world = World(folder)
    graph = world.run(world.recipe(**RECIPE))
    assert not world.failures(), [event.message for event in world.failures()]
    manifests = {key: world.store.manifest(key) for key in graph.stages}
    facts = [manifest.facts for manifest in manifests.values()]
    digests = [f.training.weights_after for f in facts if isinstance(f, TrainedFacts)]
    assert digests
    return world, (digests, [f.scores.by_metric for f in facts if isinstance(f, ScoredFacts)])


def test_cached_features_give_the_same_weights_and_scores(tmp_path, monkeypatch):
    plain, expected = run_all(tmp_path / "plain")
    assert not cached_folders(plain)
    monkeypatch.setattr(tokenise, "CACHED_FROM", 3)
    stored, results = run_all(tmp_path / "stored")
    assert results == expected
    assert len(cached_folders(stored)) == 3, "the arm and the target of a task share them"


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(tokenise, "CACHED_FROM", 3)
    world = World(tmp_path)
    world.graph = world.run(world.recipe(**TARGET))
    return world


def load_features(world, **changes):
    context = JobContext(
        environment=world.environment(world.recipe(**TARGET)), store=world.store, activation_cache=ActivationCache()
    )
    (spec,) = (spec for spec in world.graph.stages.values() if isinstance(spec, TargetStage))
    tokenizer = cached_tokenizer(encoder_folder(world.store, spec.parent, context.environment))
    arguments = {"labels": context.labels(spec.data), "max_length": spec.train.max_length} | changes
    return tokenise.load_features(context, spec.parent, [spec.data], "train", tokenizer, **arguments)


def test_features_are_cached_by_everything_that_determines_them(world, monkeypatch):
    monkeypatch.setattr(tokenise, "encode", lambda *_: pytest.fail("not cached"))
    assert len(load_features(world)) > 3
    monkeypatch.undo()
    monkeypatch.setattr(tokenise, "CACHED_FROM", 3)
    for changes in ({"max_length": 16}, {"modality": "text"}, {"labels": None}):
        load_features(world, **changes)
    assert len(cached_folders(world)) == 4


def test_only_the_tokenizer_uses_all_cores(world, monkeypatch):
    values, real = [], tokenise.encode
    monkeypatch.setattr(
        tokenise, "encode", lambda *a: values.append(os.environ.get("TOKENIZERS_PARALLELISM")) or real(*a)
    )
    for before in (None, "false"):
        monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
        if before:
            monkeypatch.setenv("TOKENIZERS_PARALLELISM", before)
        load_features(world, max_length=17 + len(values))
        assert os.environ.get("TOKENIZERS_PARALLELISM") == before
    assert set(values) == {"true"} and len(values) > 2


def test_damaged_files_are_rebuilt(world):
    (folder,) = cached_folders(world)
    first = load_features(world)  # stays open while files are deleted
    expected = list(first)
    path = folder / "features.arrow"
    content = path.read_bytes()
    path.unlink()
    assert list(load_features(world)) == expected
    for damaged in (b"", content[:200], content[: len(content) // 2], content[:-8], b"x" * len(content)):
        path.write_bytes(damaged)
        assert list(load_features(world)) == expected and cached_folders(world) == [folder]
        assert path.read_bytes() == content


def test_other_examples_have_their_own_features(world, monkeypatch):
    real = JobContext.examples
    monkeypatch.setattr(JobContext, "examples", lambda *args: real(*args)[1:])
    load_features(world)
    assert len(cached_folders(world)) == 2, "the key depends on the content, not on the plan"


def test_a_read_only_cache_is_not_needed(world, monkeypatch):
    def refused(*_):
        raise PermissionError("read-only")

    expected = list(load_features(world))
    monkeypatch.setattr(tokenise, "build_once", refused)
    assert load_features(world) == expected
