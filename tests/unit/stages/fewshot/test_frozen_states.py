"""Classifiers of frozen states, on a tiny encoder: predictions, stored weights and limits."""

import json

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.world import TRAIN, World
from transformers import AutoModelForTokenClassification

from xstilts.data.user_files import user_task
from xstilts.errors import UserError
from xstilts.export.checkpoint import export
from xstilts.export.label_file import label, load_model
from xstilts.methods import METHODS
from xstilts.models.split import backbone
from xstilts.recipe.issues import dotted
from xstilts.recipe.validate import validate
from xstilts.stages.job_context import JobContext

FEWSHOT = {"shots": [2], "draws": 2, "methods": ["lda"], "train": TRAIN}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def recipe_of(world, *targets, **fewshot):
    named = {name: {"train": TRAIN, "languages": ["sw", "de"]} for name in targets}
    return world.recipe(targets=named, fewshot=FEWSHOT | fewshot, keep_fewshot_weights=True)


def run(world, recipe):
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    cells = {(c.task, c.method, c.language, c.draw): graph.stages[c.artifact] for c in graph.cells if c.shots}
    return graph, cells


def examples_of(world, recipe, data, split):
    context = JobContext(environment=world.environment(recipe), store=world.store, activation_cache=None)
    return context.examples(data, split)


def means(loaded, examples):
    """Mean states of texts, without batching."""
    states = []
    for example in examples:
        ids = loaded.tokenizer(example.text, return_tensors="pt", truncation=True, max_length=loaded.max_length)
        with torch.no_grad():
            states.append(backbone(loaded.model)(**ids).last_hidden_state[0].mean(0))
    return torch.stack(states).double().numpy()


@pytest.mark.parametrize("method", ["lda", "without-target"])
def test_lda_matches_scikit_learn_on_english_and_shots(world, method):
    plain = {"method": "lda", "shrinkage": 0.1, "shots_weight": 1, "language_offset": False}
    recipe = recipe_of(world, "topic", without_target=True, methods=[plain])
    _, cells = run(world, recipe)
    spec = cells["topic", method, "sw", 0]
    loaded = load_model(world.store, spec.key, world.environment(recipe))
    english = examples_of(world, recipe, spec.data, "train") if method == "lda" else ()
    drawn = json.loads((world.store.path(spec.key) / "shots.json").read_text())
    pool = {example.id: example for example in examples_of(world, recipe, spec.evaluation, "train")}
    training_examples = [*english, *(pool[name] for name in drawn)]
    assert len(drawn) == 4
    reference = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1))
    reference.fit(means(loaded, training_examples), [example.label for example in training_examples])
    items = pl.read_parquet(world.store.path(spec.key) / "items.parquet").sort("item")
    scored = sorted(examples_of(world, recipe, spec.evaluation, "test"), key=lambda example: example.id)
    predicted = [json.loads(value) for value in items["predicted"]]
    assert predicted == reference.predict(means(loaded, scored)).tolist() == label(loaded, scored, "cpu")


def test_no_steps_are_taken_and_no_encoder_is_stored(world):
    recipe = recipe_of(world, "topic", selection="english_dev")
    _, cells = run(world, recipe)
    facts = [world.store.manifest(spec.key).facts for spec in cells.values()]
    assert {(f.training.steps, f.training.step_kept, f.training.weights_changed, f.selection) for f in facts} == {
        (0, 0, True, "none")
    }
    assert len({f.training.weights_after for f in facts}) == len(cells) == 4
    largest = max((world.store.path(spec.key) / "weights.safetensors").stat().st_size for spec in cells.values())
    assert largest < 2000


def test_export_of_a_frozen_states_head_is_refused(world, tmp_path):
    recipe = recipe_of(world, "topic", methods=["knn"])
    _, cells = run(world, recipe)
    key = next(iter(cells.values())).key
    with pytest.raises(UserError) as caught:
        export(world.store, key, tmp_path / "out", world.environment(recipe))
    assert "`knn`" in caught.value.message and not (tmp_path / "out").exists()


REFERENCES = {
    "knn": lambda: KNeighborsClassifier(3, metric="cosine", weights=lambda distance: np.exp((1 - distance) / 0.05)),
    "logreg": lambda: make_pipeline(StandardScaler(), LogisticRegression(C=2, tol=1e-8, max_iter=10_000)),
}
"""For two classes scikit-learn has one weight vector. Ours are two halves of it: half the penalty, so twice the C."""
SETTINGS = {"knn": {"k": 3}, "logreg": {"l2": 1.0, "shots_weight": 1, "language_offset": False}}


@pytest.mark.parametrize("name", REFERENCES)
def test_stored_classifiers_match_scikit_learn(world, name):
    """Predictions of the run, of the stored artifact and of scikit-learn agree."""
    recipe = recipe_of(world, "topic", methods=[{"method": name} | SETTINGS[name]])
    _, cells = run(world, recipe)
    spec = cells["topic", name, "sw", 0]
    loaded = load_model(world.store, spec.key, world.environment(recipe))
    drawn = json.loads((world.store.path(spec.key) / "shots.json").read_text())
    pool = {example.id: example for example in examples_of(world, recipe, spec.evaluation, "train")}
    training_examples = [*examples_of(world, recipe, spec.data, "train"), *(pool[name] for name in drawn)]
    reference = REFERENCES[name]().fit(
        means(loaded, training_examples), [example.label for example in training_examples]
    )
    items = pl.read_parquet(world.store.path(spec.key) / "items.parquet").sort("item")
    scored = sorted(examples_of(world, recipe, spec.evaluation, "test"), key=lambda example: example.id)
    predicted = [json.loads(value) for value in items["predicted"]]
    assert predicted == label(loaded, scored, "cpu")
    assert predicted == reference.predict(means(loaded, scored)).tolist()
    assert world.store.manifest(spec.key).facts.training.steps == 0


@pytest.mark.parametrize("name", REFERENCES)
def test_stored_taggers_predict_as_in_the_run(world, name, tmp_path):
    recipe = recipe_of(world, "mark", methods=[name])
    _, cells = run(world, recipe)
    spec = cells["mark", name, "sw", 0]
    facts = world.store.manifest(spec.key).facts
    assert facts.scores.by_metric["token_accuracy"] > 0.9
    loaded = load_model(world.store, spec.key, world.environment(recipe))
    items = pl.read_parquet(world.store.path(spec.key) / "items.parquet").sort("item")
    scored = sorted(examples_of(world, recipe, spec.evaluation, "test"), key=lambda example: example.id)
    assert [json.loads(value) for value in items["predicted"]] == label(loaded, scored, "cpu")
    if not METHODS[name]().linear:
        with pytest.raises(UserError) as caught:
            export(world.store, spec.key, tmp_path / "out", world.environment(recipe))
        assert f"`{name}`" in caught.value.message
        return
    folder = export(world.store, spec.key, tmp_path / "out", world.environment(recipe))
    exported = AutoModelForTokenClassification.from_pretrained(folder).eval()
    inputs = loaded.tokenizer("one two three", return_tensors="pt")
    with torch.no_grad():
        torch.testing.assert_close(exported(**inputs).logits, loaded.model(**inputs).logits)


def test_lda_tags_words_and_skips_spans(world):
    lda = {"method": "lda", "shrinkage": 0.1}
    recipe = recipe_of(world, "mark", "find", multilingual=True, methods=[lda])
    graph, cells = run(world, recipe)
    assert {(task, method) for task, method, *_ in cells} == {("mark", "lda"), ("mark", "multilingual")}
    (message,) = graph.skipped
    assert message.startswith("find: `lda`")
    scores = world.store.manifest(cells["mark", "lda", "sw", 0].key).facts.scores.by_metric
    assert scores["token_accuracy"] > 0.9


def issues_of(world, recipe):
    tasks = {name: user_task(name, block, world.folder) for name, block in recipe.tasks.items()}
    return [(issue.code, dotted(issue.path)) for issue in validate(recipe, tasks)]


def test_settings_that_suit_no_target_are_refused(world):
    assert issues_of(world, recipe_of(world, "find")) == [("not-applicable", "fewshot.methods")]
    selecting = recipe_of(world, "topic", also_select="english_dev")
    assert issues_of(world, selecting) == [("not-applicable", "fewshot.also_select")]
    assert issues_of(world, recipe_of(world, "find", methods=["full", "lda"])) == []
