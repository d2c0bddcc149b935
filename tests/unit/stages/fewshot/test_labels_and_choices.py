"""Closed-form heads of multi-label and multiple-choice targets, from a recipe to stored weights and an export."""

import json

import polars as pl
import pytest
import torch
from sentence_transformers import SentenceTransformer
from tests.world import LANGUAGES, TRAIN, World, tasks

from xstilts.errors import UserError
from xstilts.export.checkpoint import export
from xstilts.export.label_file import label, load_model
from xstilts.methods.lda import Lda
from xstilts.methods.lda_choices import choice_moments
from xstilts.methods.lda_labels import label_moments
from xstilts.models.pooling import mean_state
from xstilts.models.split import backbone
from xstilts.planning.specs import TargetStage
from xstilts.problems import PROBLEMS
from xstilts.stages.job_context import JobContext

TOPICS = ("kitchen", "light", "weather")


def _row(number: int, language: str) -> dict:
    topics = [topic for place, topic in enumerate(TOPICS) if number >> place & 1]
    choices = ["the light is on", "the weather", "what is the kitchen"][: 2 + number % 2]
    return {
        "id": f"{language}{number}",
        "group": f"meaning{number}",
        "text": f"turn on {' '.join(topics) or 'today'} {language} {number}",
        "labels": "|".join(topics),
        "prompt": f"turn {language} {number}",
        "choices": choices[::-1] if number % 3 else choices,
        "answer": "the light is on",
    }


@pytest.fixture
def world(tmp_path):
    for language in LANGUAGES:
        rows = [json.dumps(_row(number, language)) for number in range(60)]
        (tmp_path / f"rows-{language}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return World(tmp_path)


def run(world, task, *, train=TRAIN, **settings):
    place = {"id": "id", "group": "group"}
    block = {"files": {x: f"rows-{x}.jsonl" for x in LANGUAGES}, "fractions": tasks()["topic"]["fractions"]}
    recipe = world.recipe(
        tasks={
            "topics": block | {"problem": "multi-label", "columns": place | {"text": "text", "labels": "labels"}},
            "pick": block
            | {"problem": "choice", "columns": place | {"prompt": "prompt", "choices": "choices", "answer": "answer"}},
        },
        targets={task: {"train": train, "languages": ["sw"]}},
        fewshot={"shots": [3], "draws": 1, "methods": ["lda", "knn", "logreg"], "train": TRAIN},
        keep_fewshot_weights=True,
        frozen=True,
        **settings,
    )
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    cells = {(c.method, c.language, c.shots): graph.stages[c.artifact] for c in graph.cells if c.method != "zero-shot"}
    return recipe, graph, cells


@pytest.mark.parametrize("task", ["topics", "pick"])
def test_lda_and_the_frozen_encoder_are_scored_with_and_without_shots(world, task):
    _, graph, cells = run(world, task)
    assert {(method, language, shots) for method, language, shots in cells} == {
        (method, language, shots)
        for method in ("lda", "frozen")
        for language, shots in (("en", 0), ("sw", 0), ("sw", 3))
    }
    assert sorted(message.partition(" is for ")[0] for message in graph.skipped) == [
        f"{task}: `knn`",
        f"{task}: `logreg`",
    ]
    facts = {cell: world.store.manifest(spec.key).facts for cell, spec in cells.items()}
    assert {f.model.thresholds for f in facts.values()} == {None}
    digests = {cell: f.training.weights_after for cell, f in facts.items()}
    assert digests["lda", "en", 0] == digests["lda", "sw", 0] != digests["lda", "sw", 3]


def summary(loaded, problem, examples):
    """The moments of examples, each encoded alone."""
    total = None
    for example in examples:
        texts = [example.text] if problem == "multi-label" else [example.prompt] * len(example.choices)
        pairs = None if problem == "multi-label" else list(example.choices)
        batch = loaded.tokenizer(texts, pairs, return_tensors="pt", padding=True)
        with torch.no_grad():
            states = mean_state(backbone(loaded.model)(**batch).last_hidden_state, batch["attention_mask"])
        if problem == "multi-label":
            moments = label_moments(states, torch.tensor([[int(label in example.labels) for label in TOPICS]]))
        else:
            labels = [(0, int(number == example.answer)) for number in range(len(texts))]
            moments = choice_moments(states, torch.tensor(labels))
        total = moments if total is None else total.plus(moments)
    return total


@pytest.mark.parametrize(("task", "method"), [("topics", "lda"), ("topics", "frozen"), ("pick", "lda")])
def test_the_stored_head_is_that_of_english_and_the_shots(world, task, method, tmp_path):
    recipe, _, cells = run(world, task)
    spec = cells[method, "sw", 3]
    environment = world.environment(recipe)
    loaded = load_model(world.store, spec.key, environment)
    context = JobContext(environment=environment, store=world.store, activation_cache=None)
    drawn = json.loads((world.store.path(spec.key) / "shots.json").read_text())
    pool = {example.id: example for example in context.examples(spec.evaluation, "train")}
    shots = summary(loaded, loaded.problem, [pool[name] for name in drawn])
    english = summary(loaded, loaded.problem, context.examples(spec.data, "train"))
    head = Lda().classifier(PROBLEMS[loaded.problem]).fit(shots, english, len(loaded.labels))
    torch.testing.assert_close(loaded.model.classifier.weight.data, head["weight"], rtol=1e-2, atol=1e-3)
    scored = sorted(context.examples(spec.evaluation, "test"), key=lambda example: example.id)
    items = pl.read_parquet(world.store.path(spec.key) / "items.parquet").sort("item")
    predicted = [json.loads(value) for value in items["predicted"]]
    if task == "pick":
        assert [example.choices[number] for example, number in zip(scored, predicted, strict=True)] == label(
            loaded, scored, "cpu"
        )
        with pytest.raises(UserError) as caught:
            export(world.store, spec.key, tmp_path / "out", environment)
        assert "choice head" in caught.value.message
        return
    folder = export(world.store, spec.key, tmp_path / "out", environment)
    logits = SentenceTransformer(str(folder), device="cpu").encode([example.text for example in scored])
    expected = [[name for name, logit in zip(TOPICS, row, strict=True) if logit >= 0] for row in logits]
    assert predicted == label(loaded, scored, "cpu") == expected


@pytest.mark.parametrize("task", ["topics", "pick"])
def test_a_refitted_target_has_the_head_of_lda_without_shots(world, task):
    recipe, graph, cells = run(world, task, train=TRAIN | {"refit": True})
    (target,) = [spec for spec in graph.stages.values() if isinstance(spec, TargetStage)]
    assert world.store.manifest(target.key).facts.training.refit
    keys = (target.key, cells["lda", "sw", 0].key)
    heads = [load_model(world.store, key, world.environment(recipe)).model.classifier.weight.data for key in keys]
    scale = heads[0].norm() / heads[1].norm()
    torch.testing.assert_close(heads[0], heads[1] * scale, rtol=1e-2, atol=1e-3)
