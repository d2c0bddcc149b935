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
    """A world whose graphs contain pins of translations."""

    def graph(self, recipe) -> Graph:
        tasks = {name: user_task(name, block, self.folder) for name, block in recipe.tasks.items()}
        pins = translator_pins(recipe, self.folder, None, cache=self.folder / "cache")
        return expand(recipe, tasks, "pin", self.texts(recipe), pins)

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


def only_stage(graph: Graph, kind):
    (stage,) = [spec for spec in graph.stages.values() if isinstance(spec, kind)]
    return stage


def facts(world: World, spec):
    manifest = world.store.manifest(spec.key)
    assert manifest is not None, [event.message for event in world.failures()]
    return manifest.facts


def translations(world: World, spec: TranslateStage) -> list[dict]:
    return [json.loads(line) for line in (world.store.path(spec.key) / TRANSLATIONS_FILE).read_text().splitlines()]


def english(world: World, recipe, task: str = "topic") -> dict[str, dict]:
    rows = (world.folder / "en.csv").read_text().splitlines()
    names = rows[0].split(",")
    return {row.split(",")[0]: dict(zip(names, row.split(","), strict=True)) for row in rows[1:]}


def test_arms_train_on_machine_translations(world, model):
    recipe = world.arm({"to": "sw"} | model)
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    stage, trained = only_stage(graph, TranslateStage), only_stage(graph, IntermediateStage)
    known, rows, originals = facts(world, stage), translations(world, stage), english(world, recipe)
    assert stage.key in trained.inputs and trained.data[0].translated == stage.key
    assert known.kept == len(rows) == facts(world, trained).examples_by_task["topic"] > 8
    assert known.dropped == sum(known.dropped_by_reason.values())
    assert known.examples_per_second > 0
    for row in rows:
        original = originals[row["id"]]
        assert (row["language"], row["group"], row["label"]) == ("sw", original["group"], original["label"])
        assert row["text"] != original["text"]
    assert [event for event in world.events if event.key == stage.key and event.kind == "progress"]


def test_translations_are_reproducible(world, model, tmp_path_factory):
    recipe = world.arm({"to": "sw"} | model)
    stage = only_stage(world.run(recipe), TranslateStage)
    before = len(world.events)
    world.run(recipe)
    assert len(world.events) == before
    elsewhere = Translating(tmp_path_factory.mktemp("elsewhere"))
    other = only_stage(elsewhere.run(elsewhere.arm({"to": "sw"} | model)), TranslateStage)
    assert other.key == stage.key
    assert translations(elsewhere, other) == translations(world, stage)


def test_translations_and_originals_share_a_head(world, model):
    recipe = world.arm({"to": ["en", "sw", "de"]} | model, train=TRAIN | {"steps": 12})
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    trained = only_stage(graph, IntermediateStage)
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


def test_translations_and_masked_texts_train_together_and_are_reported(world, model):
    (world.folder / "en.txt").write_text("".join(f"turn the light on {number}\n" for number in range(40)))
    train = TRAIN | {"steps": 12, "dropout": 0.0}
    recipe = world.arm({"to": ["en", "sw"]} | model, mlm={"texts": {"en": "en.txt"}}, train=train)
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    trained = facts(world, only_stage(graph, IntermediateStage))
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
    """Translations have the groups of their originals, so the lineage check covers them."""
    recipe = world.arm({"to": "sw"} | model)
    trained = only_stage(world.run(recipe), IntermediateStage)
    ((data, split),) = trained_on(world.store, trained.key)
    assert (data, split) == (trained.data[0], "train")
    job_context = context(world, recipe)
    task = job_context.task("topic")
    seen = job_context.examples(replace(data, translated=None, language="de"), "train")
    with pytest.raises(LeakError):
        check_lineage(job_context, trained.key, task, "test", seen)
    unseen = job_context.examples(replace(data, translated=None, language="de"), "test")
    assert check_lineage(job_context, trained.key, task, "test", unseen) == []


def test_unprojectable_answers_are_counted(world, model):
    graph = world.run(world.arm({"to": "sw"} | model, tasks=["find"]))
    stage = only_stage(graph, TranslateStage)
    known = facts(world, stage)
    assert known.dropped_by_reason["unprojectable"] > 0
    assert sum(known.projected_by.values()) == known.kept
    for row in translations(world, stage):
        (answer,) = row["answers"]
        assert row["context"][answer["start"] :].startswith(answer["text"])


def test_a_stage_without_translations_fails_with_reasons(world, model):
    graph = world.run(world.arm({"to": "sw"} | model | {"max_length": 16}, tasks=["find"]))
    stage = only_stage(graph, TranslateStage)
    (failure,) = [event for event in world.failures() if event.key == stage.key]
    assert all(value in failure.message for value in ("'find'", "'sw'", " too long"))


def test_answers_are_read_from_files(world):
    """Swahili rows have the ids of English ones; two of them lack the answer."""
    lines = [json.loads(line) for line in (world.folder / "sw.jsonl").read_text().splitlines()]
    for number, line in enumerate(lines):
        line["id"] = f"en{number}"
        if number < 2:
            line["answer"] = "jibu"
    (world.folder / "mt.sw.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    recipe = world.arm({"to": "sw", "files": {"find": "mt.{language}.jsonl"}}, tasks=["find"])
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    stage = only_stage(graph, TranslateStage)
    known = facts(world, stage)
    ids = {row["id"] for row in translations(world, stage)}
    assert known.kept == len(ids) and not ids & {"en0", "en1"}
    assert known.dropped_by_reason == ({"unprojectable": known.dropped} if known.dropped else {})
    assert all(facts(world, spec).scores.by_metric for spec in graph.stages.values() if isinstance(spec, EvaluateStage))


def test_caps_apply_to_the_originals(world, model):
    recipe = world.arm({"to": "sw"} | model, max_examples=5)
    stage = only_stage(world.run(recipe), TranslateStage)
    known = facts(world, stage)
    assert known.kept + known.dropped == 5


def test_a_language_that_the_model_lacks_fails_with_a_hint(world, model):
    stage = only_stage(world.run(world.arm({"to": "fi"} | model)), TranslateStage)
    (failure,) = [event for event in world.failures() if event.key == stage.key]
    assert "'fi'" in failure.message
    assert "codes" in failure.hint


def test_keys_depend_on_everything_that_determines_the_translation(world, model):
    def key(**changes: object) -> str:
        return only_stage(world.graph(world.arm({"to": "sw"} | model | changes)), TranslateStage).key

    plain = key()
    assert plain == key(to="sw")
    changes = [{"beams": 2}, {"max_length": 64}, {"batch_size": 4}, {"unit": "whole"}, {"precision": "bf16"}]
    changes += [{"codes": {"sw": "swh_Latn"}}, {"to": "de"}]
    keys = {plain, *(key(**change) for change in changes)}
    assert len(keys) == len(changes) + 1
    build_translator(world.folder / "nllb", seed=1)
    assert key() not in keys


def test_adding_a_language_keeps_the_keys_of_the_others(world, model):
    def stages(*to: str) -> set[str]:
        graph = world.graph(world.arm({"to": list(to)} | model))
        return {key for key, spec in graph.stages.items() if isinstance(spec, TranslateStage)}

    assert stages("sw") < stages("sw", "de")


def test_keys_depend_on_the_file(world):
    path = world.folder / "mt.csv"
    path.write_text((world.folder / "sw.csv").read_text().replace("\nsw", "\nen"))
    recipe = world.arm({"to": "sw", "files": {"topic": "mt.csv"}})
    first = only_stage(world.run(recipe), TranslateStage)
    assert not world.failures(), [event.message for event in world.failures()]
    assert facts(world, first).dropped == 0
    path.write_text(path.read_text() + "\n")
    assert only_stage(world.graph(recipe), TranslateStage).key != first.key
