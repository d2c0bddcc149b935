"""Translated intermediate data, from the recipe to the scores, with a tiny model and from files."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tiny import build_translator
from tests.world import TRAIN, World

from xstilts.data.user_files import user_task
from xstilts.errors import LeakError
from xstilts.models.speed.activation_cache import ActivationCache
from xstilts.planning.expand import Graph, expand
from xstilts.planning.specs import EvaluateStage, IntermediateStage, TranslateStage
from xstilts.recipe.translation import translator_pins
from xstilts.report import build as report
from xstilts.stages.job_context import TRANSLATIONS_FILE, JobContext
from xstilts.stages.lineage import check_lineage, trained_on


class Translating(World):
    """A world whose graphs know what pins the translations."""

    def graph(self, recipe) -> Graph:
        known = {name: user_task(name, block, self.folder) for name, block in recipe.tasks.items()}
        pins = translator_pins(recipe, self.folder, None, cache=self.folder / "cache")
        return expand(recipe, known, "pin", self.texts(recipe), pins)

    def arm(self, translate: dict, tasks: Sequence[str] = ("topic",), target: str = "mark", **more):
        arms = {"none": {}, "mt": {"tasks": list(tasks), "translate": translate, "train": TRAIN} | more}
        return self.recipe(intermediate=arms, targets={target: {"train": TRAIN, "languages": ["en", "sw"]}})


@pytest.fixture
def world(tmp_path: Path) -> Translating:
    return Translating(tmp_path)


@pytest.fixture
def model(world: Translating) -> dict:
    folder = build_translator(world.folder / "nllb")
    return {"model": str(folder), "max_length": 80, "precision": "fp32", "batch_size": 8}


def one(graph: Graph, kind):
    (found,) = [spec for spec in graph.stages.values() if isinstance(spec, kind)]
    return found


def facts(world: World, spec):
    manifest = world.store.manifest(spec.key)
    assert manifest is not None, [event.message for event in world.failures()]
    return manifest.facts


def kept(world: World, spec: TranslateStage) -> list[dict]:
    return [json.loads(line) for line in (world.store.path(spec.key) / TRANSLATIONS_FILE).read_text().splitlines()]


def english(world: World, recipe, task: str = "topic") -> dict[str, dict]:
    rows = (world.folder / "en.csv").read_text().splitlines()
    names = rows[0].split(",")
    return {row.split(",")[0]: dict(zip(names, row.split(","), strict=True)) for row in rows[1:]}


def test_an_arm_is_trained_on_what_a_model_translated(world, model):
    recipe = world.arm({"to": "sw"} | model)
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    stage, trained = one(graph, TranslateStage), one(graph, IntermediateStage)
    known, rows, originals = facts(world, stage), kept(world, stage), english(world, recipe)
    assert stage.key in trained.inputs and trained.data[0].translated == stage.key
    assert known.kept == len(rows) == facts(world, trained).examples_by_task["topic"] > 8
    assert known.dropped == sum(known.dropped_by_reason.values())
    assert known.examples_per_second > 0
    for row in rows:
        original = originals[row["id"]]
        assert (row["language"], row["group"], row["label"]) == ("sw", original["group"], original["label"])
        assert row["text"] != original["text"]
    assert [event for event in world.events if event.key == stage.key and event.kind == "progress"]


def test_a_second_run_translates_the_same_and_a_run_elsewhere_too(world, model, tmp_path_factory):
    recipe = world.arm({"to": "sw"} | model)
    stage = one(world.run(recipe), TranslateStage)
    before = len(world.events)
    world.run(recipe)
    assert len(world.events) == before
    elsewhere = Translating(tmp_path_factory.mktemp("elsewhere"))
    other = one(elsewhere.run(elsewhere.arm({"to": "sw"} | model)), TranslateStage)
    assert other.key == stage.key
    assert kept(elsewhere, other) == kept(world, stage)


def test_several_languages_share_a_head_with_the_originals(world, model):
    recipe = world.arm({"to": ["en", "sw", "de"]} | model, train=TRAIN | {"steps": 12})
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    trained = one(graph, IntermediateStage)
    assert [(data.language, data.translated is None) for data in trained.data] == [
        ("en", True),
        ("sw", False),
        ("de", False),
    ]
    stages = [spec for spec in graph.stages.values() if isinstance(spec, TranslateStage)]
    originals = len(context(world, recipe).examples(trained.data[0], "train"))
    assert facts(world, trained).examples_by_task == {
        "topic": originals + sum(facts(world, spec).kept for spec in stages)
    }
    assert trained.title == "intermediate topic+topic in sw+topic in de, seed 0"


def test_translations_are_trained_beside_masked_texts_and_the_report_tells_of_both(world, model):
    (world.folder / "en.txt").write_text("".join(f"turn the light on {number}\n" for number in range(40)))
    train = TRAIN | {"steps": 12, "dropout": 0.0}
    recipe = world.arm({"to": ["en", "sw"]} | model, mlm={"texts": {"en": "en.txt"}}, train=train)
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    trained = facts(world, one(graph, IntermediateStage))
    assert list(trained.steps_by_task) == ["topic"]
    assert trained.steps_by_task["topic"] + trained.mlm.by_language["en"].steps == trained.training.steps == 12
    known = {name: user_task(name, block, world.folder) for name, block in recipe.tasks.items()}
    report(recipe, graph, world.store, world.folder / "page.html", tasks=known, resamples=10)
    page = (world.folder / "page.html").read_text()
    assert "topic machine-translated to English, Swahili by " in page
    assert "Translated training data" in page and "Masked-language modelling and alignment" in page


def context(world: World, recipe) -> JobContext:
    return JobContext(environment=world.environment(recipe), store=world.store, activation_cache=ActivationCache())


def test_a_translation_of_an_evaluated_item_is_refused(world, model):
    """The groups of translations are those of the originals, so a lineage through them is checked like any other."""
    recipe = world.arm({"to": "sw"} | model)
    trained = one(world.run(recipe), IntermediateStage)
    ((data, split),) = trained_on(world.store, trained.key)
    assert (data, split) == (trained.data[0], "train")
    shop = context(world, recipe)
    task = shop.task("topic")
    seen = shop.examples(replace(data, translated=None, language="de"), "train")
    with pytest.raises(LeakError, match="share the group"):
        check_lineage(shop, trained.key, task, seen)
    unseen = shop.examples(replace(data, translated=None, language="de"), "test")
    assert check_lineage(shop, trained.key, task, unseen) == []


def test_answers_that_a_model_loses_are_counted(world, model):
    graph = world.run(world.arm({"to": "sw"} | model, tasks=["find"]))
    stage = one(graph, TranslateStage)
    known = facts(world, stage)
    assert known.dropped_by_reason["unprojectable"] > 0
    assert sum(known.projected_by.values()) == known.kept
    for row in kept(world, stage):
        (answer,) = row["answers"]
        assert row["context"][answer["start"] :].startswith(answer["text"])


def test_a_stage_that_translates_nothing_fails_with_its_reasons(world, model):
    graph = world.run(world.arm({"to": "sw"} | model | {"max_length": 16}, tasks=["find"]))
    stage = one(graph, TranslateStage)
    (failure,) = [event for event in world.failures() if event.key == stage.key]
    assert "examples of 'find' could be translated to 'sw': " in failure.message
    assert " too long" in failure.message


def test_answers_come_from_files(world):
    """Swahili rows pair with English ones by id; of two of them the answer is gone."""
    lines = [json.loads(line) for line in (world.folder / "sw.jsonl").read_text().splitlines()]
    for number, line in enumerate(lines):
        line["id"] = f"en{number}"
        if number < 2:
            line["answer"] = "jibu"
    (world.folder / "mt.sw.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    recipe = world.arm({"to": "sw", "files": {"find": "mt.{language}.jsonl"}}, tasks=["find"])
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    stage = one(graph, TranslateStage)
    known = facts(world, stage)
    ids = {row["id"] for row in kept(world, stage)}
    assert known.kept == len(ids) and not ids & {"en0", "en1"}
    assert known.dropped_by_reason == ({"unprojectable": known.dropped} if known.dropped else {})
    assert all(facts(world, spec).scores.by_metric for spec in graph.stages.values() if isinstance(spec, EvaluateStage))


def test_a_cap_is_that_of_the_originals(world, model):
    recipe = world.arm({"to": "sw"} | model, max_examples=5)
    stage = one(world.run(recipe), TranslateStage)
    known = facts(world, stage)
    assert known.kept + known.dropped == 5


def test_a_model_that_does_not_name_the_language_says_so(world, model):
    stage = one(world.run(world.arm({"to": "fi"} | model)), TranslateStage)
    (failure,) = [event for event in world.failures() if event.key == stage.key]
    assert "no token for 'fi'" in failure.message
    assert "codes" in failure.hint


def test_keys_follow_what_decides_the_translation(world, model):
    def key(**changes: object) -> str:
        return one(world.graph(world.arm({"to": "sw"} | model | changes)), TranslateStage).key

    plain = key()
    assert plain == key(to="sw")
    changes = [{"beams": 2}, {"max_length": 64}, {"batch_size": 4}, {"unit": "whole"}, {"precision": "bf16"}]
    changes += [{"codes": {"sw": "swh_Latn"}}, {"to": "de"}]
    keys = {plain, *(key(**change) for change in changes)}
    assert len(keys) == len(changes) + 1
    build_translator(world.folder / "nllb", seed=1)
    assert key() not in keys


def test_one_language_more_leaves_the_others_as_they_are(world, model):
    def stages(*to: str) -> set[str]:
        graph = world.graph(world.arm({"to": list(to)} | model))
        return {key for key, spec in graph.stages.items() if isinstance(spec, TranslateStage)}

    assert stages("sw") < stages("sw", "de")


def test_another_file_is_another_translation(world):
    path = world.folder / "mt.csv"
    path.write_text((world.folder / "sw.csv").read_text().replace("\nsw", "\nen"))
    recipe = world.arm({"to": "sw", "files": {"topic": "mt.csv"}})
    first = one(world.run(recipe), TranslateStage)
    assert not world.failures(), [event.message for event in world.failures()]
    assert facts(world, first).dropped == 0
    path.write_text(path.read_text() + "\n")
    assert one(world.graph(recipe), TranslateStage).key != first.key
