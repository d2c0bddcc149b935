"""Unlabelled texts move a closed-form head to the language, as long as there are few shots."""

from typing import Any

import polars as pl
import pytest
import torch
from tests.world import TRAIN, World, _row

from xstilts.data.corpora import Corpus
from xstilts.data.user_files import user_task
from xstilts.inspection.texts import check_texts
from xstilts.methods.discriminant import james_stein
from xstilts.models.pooling import pool
from xstilts.models.split import backbone
from xstilts.recipe.validate import validate
from xstilts.stages.artifacts import load_model
from xstilts.stages.job_context import JobContext
from xstilts.stages.scoring import ITEMS
from xstilts.store.facts import FewshotFacts, UnlabelledFacts

TEXTS = [_row(number, "sw")["text"] for number in range(60)] + [f"habari {number} ya leo" for number in range(70)]


@pytest.fixture
def world(tmp_path):
    (tmp_path / "sw.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    return World(tmp_path)


def recipe(world, *, texts=True, task="topic", **fewshot):
    settings = {"shots": [2, 4], "draws": 1, "methods": ["logreg", "lda", "auto"], "train": TRAIN} | fewshot
    target = {"train": TRAIN, "languages": ["sw", "de"]}
    target |= {"unlabelled": {"texts": {"sw": "sw.txt"}}} if texts else {}
    return world.recipe(targets={task: target}, fewshot=settings, frozen=True, keep_fewshot_weights=True)


def run(world, recipe):
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    return graph, {(cell.method, cell.language, cell.shots): cell.artifact for cell in graph.cells}


def head(world, key, environment):
    model: Any = load_model(world.store, key, environment).model
    return model.classifier


def test_the_head_moves_by_the_shrunk_mean_difference(world):
    plain = recipe(world, texts=False)
    _, without = run(world, plain)
    _, cells = run(world, recipe(world))
    environment = world.environment(recipe(world))
    key, before = cells["frozen", "sw", 0], without["frozen", "sw", 0]
    loaded = load_model(world.store, key, environment)
    english = [_row(number, "en")["text"] for number in range(60)]
    graph = world.graph(plain)
    stage = graph.stages[before]
    trained = {example.text for example in _examples(world, plain, stage)}
    states = [_state(loaded, text) for text in english if text in trained]
    own = torch.stack([_state(loaded, text) for text in TEXTS]).mean(0)
    rows = torch.stack(states)
    offset = james_stein(own - rows.mean(0), len(TEXTS), rows.var(0, correction=0))
    assert offset.norm() > 0
    moved, still = head(world, key, environment), head(world, before, environment)
    assert torch.equal(moved.weight, still.weight)
    torch.testing.assert_close(moved.bias, still.bias - still.weight @ offset.float(), atol=1e-4, rtol=1e-4)


def _examples(world, recipe, stage):
    context = JobContext(environment=world.environment(recipe), store=world.store, activation_cache=None)
    return context.examples(stage.data, "train")


def _state(loaded, text):
    ids = loaded.tokenizer(text, return_tensors="pt", truncation=True, max_length=loaded.max_length)
    with torch.no_grad():
        states = backbone(loaded.model).eval()(**ids).last_hidden_state
    return pool(states, ids["attention_mask"], "mean")[0].double()


def test_with_many_shots_and_in_other_languages_nothing_changes(world):
    _, without = run(world, recipe(world, texts=False))
    _, cells = run(world, recipe(world))
    assert cells["logreg", "de", 2] == without["logreg", "de", 2]
    for method in ("logreg", "lda", "frozen"):
        key, before = cells[method, "sw", 4], without[method, "sw", 4]
        assert key != before
        assert pl.read_parquet(world.store.path(key) / ITEMS).equals(pl.read_parquet(world.store.path(before) / ITEMS))


def test_controls_do_not_read_the_texts(world):
    graph = world.graph(recipe(world, methods=["lda"], more_english=True, without_target=True))
    stages = [graph.stages[cell.artifact] for cell in graph.cells if cell.method in ("more-english", "without-target")]
    assert len(stages) == 8 and all(stage.unlabelled is None for stage in stages)


def test_texts_and_scored_items_among_them_are_counted(world):
    _, cells = run(world, recipe(world))
    facts = world.store.manifest(cells["logreg", "sw", 2]).facts
    assert isinstance(facts, FewshotFacts)
    assert facts.unlabelled == UnlabelledFacts(texts=130, scored=facts.scores.items)


def test_english_development_data_are_scored_without_the_offset(world):
    _, without = run(world, recipe(world, texts=False))
    _, cells = run(world, recipe(world))
    facts = [world.store.manifest(arms["auto", "sw", 2]).facts for arms in (without, cells)]
    assert all(isinstance(fact, FewshotFacts) and fact.selected for fact in facts)
    assert facts[0].selected.english == facts[1].selected.english


def test_too_few_texts_are_an_error_before_anything_is_trained(world):
    (world.folder / "sw.txt").write_text("\n".join(TEXTS[:99]))
    graph = world.graph(recipe(world))
    corpora: dict[str, Corpus] = world.environment(recipe(world)).texts
    findings, _ = check_texts(graph.stages.values(), corpora, world.folder / "cache")
    assert [finding.code for finding in findings] == ["invalid-texts"]


@pytest.mark.parametrize(
    ("task", "languages", "codes"),
    [("mark", ["sw"], ["not-applicable"]), ("topic", ["sw", "fi"], ["not-scored"]), ("topic", ["sw"], [])],
)
def test_validation(world, task, languages, codes):
    (world.folder / "fi.txt").write_text("yksi\nkaksi\n")
    made = recipe(world, texts=False, task=task, methods=["lda"])
    block = {"texts": {language: f"{language}.txt" for language in languages}}
    target = made.targets[task].model_validate(made.targets[task].model_dump() | {"unlabelled": block})
    changed = made.model_copy(update={"targets": {task: target}})
    known = {name: user_task(name, block, world.folder) for name, block in changed.tasks.items()}
    assert [issue.code for issue in validate(changed, known)] == codes
