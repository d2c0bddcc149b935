"""Published splits that overlap are used and counted; scored examples are never sampled; our splits are disjoint."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.world import TRAIN, World

from xstilts.config.recipe import Recipe
from xstilts.data.benchmark_files import bind
from xstilts.data.leakage import Identity, count_shared
from xstilts.data.load import load
from xstilts.data.user_files import user_task
from xstilts.execution.environment import Environment
from xstilts.planning.expand import Graph, expand
from xstilts.planning.overlaps import cached_overlaps
from xstilts.report.leakage import overlap_remarks
from xstilts.store.facts import EvaluateFacts, FewshotFacts, TargetFacts
from xstilts.tasks import load_task
from xstilts.tasks.task import Task

SENTENCES = {
    ("en", "train"): range(20),
    ("en", "dev"): range(18, 24),
    ("en", "test"): range(17, 27),
    ("de", "train"): range(100, 120),
    ("de", "dev"): range(120, 124),
    ("de", "test"): range(114, 130),
}
"""The numbers of the sentences of each split; in en, dev and test contain 2 and 3 sentences of train."""


class BenchmarkWorld(World):
    def environment(self, recipe: Recipe) -> Environment:
        return replace(super().environment(recipe), data_root=self.folder, partition=recipe.partition)

    def tasks(self, recipe: Recipe) -> dict[str, Task]:
        bound = bind(
            load_task("panx"), root=self.folder, cache=self.folder / "cache", partition=recipe.partition.get("panx")
        )
        return {"panx": bound}

    def graph(self, recipe: Recipe) -> Graph:
        return expand(recipe, self.tasks(recipe), "pin", {})


@pytest.fixture
def world(tmp_path: Path) -> BenchmarkWorld:
    (tmp_path / "panx").mkdir()
    for (language, split), numbers in SENTENCES.items():
        blocks = [f"{language}\tO\nthe\tB-ORG\nlight\tI-ORG\nitem{number}\tO\n" for number in numbers]
        (tmp_path / "panx" / f"{split}-{language}.tsv").write_text("\n".join(blocks), encoding="utf-8")
    return BenchmarkWorld(tmp_path)


def recipe_of(world: World, **settings: object) -> Recipe:
    return world.recipe(tasks={}, targets={"panx": {"train": TRAIN, "languages": ["de"]}}, **settings)


def facts_of(world: World, graph: Graph, kind: type) -> list:
    facts = [manifest.facts for key in graph.stages if (manifest := world.store.manifest(key))]
    return [record for record in facts if isinstance(record, kind)]


def test_published_overlaps_are_counted_and_shown(world: BenchmarkWorld) -> None:
    recipe = recipe_of(world)
    assert cached_overlaps(world.graph(recipe), world.tasks(recipe), world.folder / "cache") == ()
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    (target,) = facts_of(world, graph, TargetFacts)
    assert (target.dev_items_trained_on, target.dev_items) == (2, 6)
    scored = {record.scores.items: record.leaks.items_trained_on for record in facts_of(world, graph, EvaluateFacts)}
    assert scored == {10: 3, 16: 0}
    remarks = overlap_remarks(graph.cells, {key: world.store.manifest(key) for key in graph.stages})
    assert ["en: 2 of 6" in remarks[0], "en: 3 of 10" in remarks[1], len(remarks)] == [True, True, 2]
    lines = cached_overlaps(graph, world.tasks(recipe), world.folder / "cache")
    assert lines == (
        "panx en dev: 2 of 6 items share a text or group with panx en train",
        "panx en test: 3 of 10 items share a text or group with panx en train",
    )


def test_scored_examples_are_never_sampled(world: BenchmarkWorld) -> None:
    recipe = recipe_of(world, fewshot={"shots": [14], "draws": 2, "train": TRAIN})
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    for record in facts_of(world, graph, FewshotFacts):
        assert (record.leaks.pool, record.leaks.pool_scored, record.shots) == (20, 6, 14)
    for key, stage in graph.stages.items():
        if stage.kind == "fewshot":
            shots = json.loads((world.store.path(key) / "shots.json").read_text())
            assert {int(name.rpartition("-")[2]) for name in shots} == set(range(14))
    lines = cached_overlaps(graph, world.tasks(recipe), world.folder / "cache")
    assert lines[-1] == (
        "panx de train: 6 of 20 examples in the pool of shots share a text or group with panx de test, "
        "and are never sampled"
    )


def test_more_shots_than_unscored_examples_are_refused(world: BenchmarkWorld) -> None:
    world.run(recipe_of(world, fewshot={"shots": [15], "draws": 1, "train": TRAIN}))
    assert ["15 shots from 14" in event.message for event in world.failures()] == [True]


def test_a_leak_into_a_partition_is_refused(world: BenchmarkWorld) -> None:
    partition = {"panx": {"pool": ["test"], "fractions": {"dev": 0.5, "test": 0.5}}}
    world.run(recipe_of(world, partition=partition))
    (failure, *_) = world.failures()
    assert "'panx': training and evaluation share the group" in failure.message


@pytest.mark.data_root
@pytest.mark.skipif("XSTILTS_DATA_ROOT" not in os.environ, reason="needs benchmark files")
def test_a_fifth_of_the_pool_of_afrisenti_pcm_is_scored(tmp_path: Path) -> None:
    folder = Path(os.environ["XSTILTS_DATA_ROOT"]) / "lowres" / "afrisenti" / "pcm"
    if not folder.is_dir():
        pytest.skip("no AfriSenti")
    block = {
        "problem": "classification",
        "files": {"pcm": {split: str(folder / f"{split}.tsv") for split in ("train", "test")}},
        "columns": {"text": "tweet", "label": "label"},
    }
    (settings,) = Recipe.model_validate(
        {"name": "a", "encoder": "e", "targets": {"a": {}}, "tasks": {"a": block}}
    ).tasks.values()
    task = user_task("afrisenti", settings, tmp_path, tmp_path)
    pool, scored = (load(task, "pcm", split, cache=tmp_path, offline=True) for split in ("train", "test"))
    assert (count_shared([Identity.of(scored)], pool), len(pool)) == (1013, 5121)
