"""Training data whose features are read from the cache train as those in memory do."""

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


def kept(world):
    return list((world.folder / "cache" / "features").glob("[!.]*"))


def left(folder):
    folder.mkdir()
    world = World(folder)
    graph = world.run(world.recipe(**RECIPE))
    assert not world.failures(), [event.message for event in world.failures()]
    manifests = {key: world.store.manifest(key) for key in graph.stages}
    facts = [manifest.facts for manifest in manifests.values()]
    digests = [f.training.weights_after for f in facts if isinstance(f, TrainedFacts)]
    assert digests
    return world, (digests, [f.scores.by_metric for f in facts if isinstance(f, ScoredFacts)])


def test_what_is_trained_is_the_same(tmp_path, monkeypatch):
    plain, expected = left(tmp_path / "plain")
    assert not kept(plain)
    monkeypatch.setattr(tokenise, "CACHED_FROM", 3)
    stored, found = left(tmp_path / "stored")
    assert found == expected
    assert len(kept(stored)) == 3, "the arm and the target of a task share them"


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(tokenise, "CACHED_FROM", 3)
    made = World(tmp_path)
    made.graph = made.run(made.recipe(**TARGET))
    return made


def again(world, **changes):
    context = JobContext(
        environment=world.environment(world.recipe(**TARGET)), store=world.store, activation_cache=ActivationCache()
    )
    (spec,) = (spec for spec in world.graph.stages.values() if isinstance(spec, TargetStage))
    tokenizer = cached_tokenizer(encoder_folder(world.store, spec.parent, context.environment))
    asked = {"labels": context.labels(spec.data), "max_length": spec.train.max_length} | changes
    return tokenise.load_features(context, spec.parent, [spec.data], "train", tokenizer, **asked)


def test_they_are_made_once_for_all_that_they_hang_on(world, monkeypatch):
    monkeypatch.setattr(tokenise, "featurise", lambda *_: pytest.fail("they are there"))
    assert len(again(world)) > 3
    monkeypatch.undo()
    monkeypatch.setattr(tokenise, "CACHED_FROM", 3)
    for changes in ({"max_length": 16}, {"modality": "text"}, {"labels": None}):
        again(world, **changes)
    assert len(kept(world)) == 4


def test_only_the_tokenizer_uses_all_cores(world, monkeypatch):
    seen, real = [], tokenise.featurise
    monkeypatch.setattr(
        tokenise, "featurise", lambda *a: seen.append(os.environ.get("TOKENIZERS_PARALLELISM")) or real(*a)
    )
    for before in (None, "false"):
        monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
        if before:
            monkeypatch.setenv("TOKENIZERS_PARALLELISM", before)
        again(world, max_length=17 + len(seen))
        assert os.environ.get("TOKENIZERS_PARALLELISM") == before
    assert set(seen) == {"true"} and len(seen) > 2


def test_what_is_damaged_is_made_again(world):
    (folder,) = kept(world)
    first = again(world)
    expected = list(first)
    path = folder / "features.arrow"
    whole = path.read_bytes()
    path.unlink()
    assert list(again(world)) == expected
    for damaged in (b"", whole[:200], whole[: len(whole) // 2], whole[:-8], b"x" * len(whole)):
        path.write_bytes(damaged)
        assert list(again(world)) == expected and kept(world) == [folder]
        assert path.read_bytes() == whole


def test_other_examples_have_other_features(world, monkeypatch):
    real = JobContext.examples
    monkeypatch.setattr(JobContext, "examples", lambda *asked: real(*asked)[1:])
    again(world)
    assert len(kept(world)) == 2, "whatever the plan took the files to hold"


def test_a_cache_that_cannot_be_written_to_is_done_without(world, monkeypatch):
    def refused(*_):
        raise PermissionError("read-only")

    expected = list(again(world))
    monkeypatch.setattr(tokenise, "build_once", refused)
    assert again(world) == expected
