"""`auto` runs exactly the selected candidate, and leaves out only shots that no model has seen."""

import json

import polars as pl
import pytest
from tests.world import TRAIN, World

from xstilts.data.user_files import user_task
from xstilts.export.label_file import label, load_model
from xstilts.methods.auto import FOLDS
from xstilts.planning.candidates import candidate_episodes
from xstilts.planning.specs import FewshotStage
from xstilts.problems.scores import score_frame
from xstilts.stages.fewshot import auto
from xstilts.stages.job_context import JobContext
from xstilts.stages.scoring import ITEMS
from xstilts.store.facts import FewshotFacts


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    # groups of Swahili that no English example has
    path = tmp_path / "sw.csv"
    pl.read_csv(path).with_columns(group="sw " + pl.col("group")).write_csv(path)
    return world


def run(world, languages=("sw",), **settings):
    fewshot = {"shots": [6], "draws": 1, "methods": ["auto", "logreg", "full"], "train": TRAIN} | settings
    targets = {"topic": {"train": TRAIN, "languages": list(languages)}}
    graph = world.run(world.recipe(targets=targets, fewshot=fewshot, frozen=True, keep_fewshot_weights=True))
    assert not world.failures(), [event.message for event in world.failures()]
    return graph, {(cell.method, cell.language, cell.shots): cell.artifact for cell in graph.cells}


def selection(world, key):
    facts = world.store.manifest(key).facts
    assert isinstance(facts, FewshotFacts) and facts.selected is not None
    return facts.selected


def items(world, key):
    return pl.read_parquet(world.store.path(key) / ITEMS)


@pytest.mark.parametrize("name", ["frozen", "logreg", "full"])
@pytest.mark.parametrize("shots", [0, 6])
def test_the_items_are_those_of_the_selected_candidate(world, monkeypatch, name, shots):
    monkeypatch.setattr(auto, "select", lambda *_: (name, name))
    _, cells = run(world)
    single = "zero-shot" if (name, shots) == ("full", 0) else name
    assert items(world, cells["auto", "sw", shots]).equals(items(world, cells[single, "sw", shots]))
    assert selection(world, cells["auto", "sw", shots]).candidate == name


@pytest.mark.parametrize("name", ["frozen", "knn", "lora", "full"])
def test_the_stored_model_is_that_of_the_candidate(world, monkeypatch, name):
    monkeypatch.setattr(auto, "select", lambda *_: (name, name))
    method = {"method": "auto", "candidates": ["frozen", "knn", "lora", "full"]}
    graph, cells = run(world, methods=[method])
    key = cells["auto", "sw", 6]
    stage = graph.stages[key]
    assert isinstance(stage, FewshotStage)
    recipe = world.recipe(targets={"topic": {"train": TRAIN}})
    context = JobContext(environment=world.environment(recipe), store=world.store, activation_cache=None)  # type: ignore[arg-type]
    examples = sorted(context.examples(stage.evaluation, stage.split), key=lambda example: example.id)
    loaded = load_model(world.store, key, world.environment(recipe))
    predicted = [json.loads(value) for value in items(world, key).sort("item")["predicted"]]
    assert predicted == label(loaded, examples, "cpu")


def test_shots_are_left_out_by_group_and_every_candidate_predicts_them(world):
    _, cells = run(world)
    found = selection(world, cells["auto", "sw", 6])
    assert found.groups == 12
    assert [*found.english] == [*found.left_out] == ["frozen", "logreg", "full"]
    assert all(0 <= score <= 1 for score in (*found.english.values(), *found.left_out.values()))


def test_translations_of_english_training_data_are_not_left_out(world):
    _, cells = run(world, languages=("sw", "de"))
    found = selection(world, cells["auto", "de", 6])
    assert (found.groups, found.left_out) == (0, {})
    assert found.candidate == found.default


def test_a_left_out_shot_is_never_trained_on(world, monkeypatch):
    trained, original = [], auto.adapted

    def record(spec, context, episode_model, shots):
        trained.append({shot.group for shot in shots})
        return original(spec, context, episode_model, shots)

    predicted, predict = [], auto.predict

    def record_predicted(model, inputs, examples, labels, thresholds):
        predicted.append({example.group for example in examples})
        return predict(model, inputs, examples, labels, thresholds)

    monkeypatch.setattr(auto, "adapted", record)
    monkeypatch.setattr(auto, "predict", record_predicted)
    run(world)
    assert len(trained) == len(predicted) > 3 * FOLDS
    assert not any(shots & left_out for shots, left_out in zip(trained, predicted, strict=True))


def test_without_english_training_the_frozen_encoder_is_no_candidate(world):
    graph, cells = run(world, without_target=True)
    stage = graph.stages[cells["without-target", "sw", 6]]
    assert isinstance(stage, FewshotStage)
    found = selection(world, stage.key)
    assert found.english == {} and [*found.left_out] == ["logreg", "full"]


def test_candidates_of_a_method_without_any(world):
    graph, cells = run(world)
    stage = graph.stages[cells["logreg", "sw", 6]]
    assert isinstance(stage, FewshotStage)
    with pytest.raises(ValueError, match="no candidates"):
        candidate_episodes(stage, None)  # type: ignore[arg-type]


def test_an_item_without_gold_and_predicted_spans_is_right(world):
    task = user_task("mark", world.recipe(targets={"mark": {}}).tasks["mark"], world.folder)
    assert task.metric == "span_f1"
    tags = [["O", "O"], ["O", "O"], ["B-x", "O"], ["B-x", "O"]]
    found = [["O", "O"], ["B-x", "O"], ["B-x", "O"], ["O", "B-x"]]
    frame = score_frame("tagging", [(str(n), str(n)) for n in range(4)], tags, found)
    assert auto._by_group(frame, task) == {"0": 1.0, "1": 0.0, "2": 1.0, "3": 0.0}
