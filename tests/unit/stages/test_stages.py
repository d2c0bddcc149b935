"""Every kind of stage, on a tiny encoder and a user's files."""

import json
import weakref

import polars as pl
import pytest
from safetensors.torch import load_file
from tests.tiny import KINDS
from tests.world import TRAIN, World

from xstilts.metrics import metric
from xstilts.planning.specs import (
    ChooseLayerStage,
    EvaluateStage,
    FewshotStage,
    IntermediateStage,
    RetrieveStage,
    TargetStage,
)
from xstilts.stages.artifacts import load_model
from xstilts.stages.job import run_job
from xstilts.store.files import CURVE_FILE

TARGET = {"train": TRAIN}
FROZEN = TRAIN | {"frozen_layers": 1}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def stages(graph, kind):
    return [spec for spec in graph.stages.values() if isinstance(spec, kind)]


def facts(world, spec):
    manifest = world.store.manifest(spec.key)
    assert manifest is not None, [event.message for event in world.failures()]
    return manifest.facts


@pytest.mark.parametrize("train", [TRAIN, FROZEN, TRAIN | {"freeze_embeddings": True}])
@pytest.mark.parametrize("problem", ["topic", "mark", "find"])
def test_targets_after_intermediate_training_are_scored_in_every_language(world, problem, train):
    recipe = world.recipe(
        intermediate={"none": {}, "all": {"tasks": ["topic", "mark", "find"], "train": train}},
        targets={problem: {"train": train}},
    )
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    (intermediate,) = stages(graph, IntermediateStage)
    intermediate_facts = facts(world, intermediate)
    assert intermediate_facts.training.weights_changed is True
    assert sum(intermediate_facts.steps_by_task.values()) == intermediate_facts.training.steps == 4
    assert any("layer.1" in name for name in intermediate_facts.restored)
    assert len(stages(graph, TargetStage)) == 2
    for spec in stages(graph, EvaluateStage):
        items = pl.read_parquet(world.store.path(spec.key) / "items.parquet")
        task_metric = next(iter(facts(world, spec).scores.by_metric))
        assert metric(task_metric).score(items) == facts(world, spec).scores.by_metric[task_metric]
    assert {spec.data.language for spec in stages(graph, EvaluateStage)} == {"en", "de", "sw"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("train", [TRAIN, FROZEN])
def test_every_encoder_family_runs_all_stages(kind, train, tmp_path):
    world = World(tmp_path, kind=kind)
    recipe = world.recipe(
        intermediate={"none": {}, "several": {"tasks": ["topic", "find"], "train": train}},
        targets={"mark": {"train": train}, "same": {"train": train}},
        fewshot={"shots": [2], "draws": 1, "methods": ["full", "lora"], "languages": ["sw"], "train": train},
    )
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    assert all(facts(world, spec).training.weights_changed for spec in stages(graph, FewshotStage))
    for spec in stages(graph, RetrieveStage):
        curve = pl.read_parquet(world.store.path(spec.key) / CURVE_FILE)
        assert set(curve["pooling"]) == {"mean", "first"} | ({"last"} if kind == "qwen3" else set())


def test_frozen_tensors_are_inherited_not_stored(world):
    graph = world.run(world.recipe(targets={"topic": {"train": FROZEN}}))
    (target,) = stages(graph, TargetStage)
    names = load_file(world.store.path(target.key) / "weights.safetensors").keys()
    assert not any("embeddings" in name or "layer.0." in name for name in names)
    assert any("layer.1." in name for name in names)
    assert any(name.startswith("head.") for name in names)


@pytest.mark.parametrize("method", ["full", "head", "lora", "joint", "average"])
def test_few_shot_methods_change_the_expected_weights(world, method):
    recipe = world.recipe(
        targets={"topic": {"train": FROZEN, "languages": ["en", "sw"]}},
        fewshot={"shots": [1, 2], "draws": 2, "methods": [method], "languages": ["sw"], "train": FROZEN},
        keep_fewshot_weights=True,
    )
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    (target,) = stages(graph, TargetStage)
    before = load_model(world.store, target.key, world.environment(recipe)).model.state_dict()
    for spec in stages(graph, FewshotStage):
        training = facts(world, spec).training
        assert training.weights_changed is True
        assert training.step_kept == (None if method == "average" else training.steps)
        after = load_model(world.store, spec.key, world.environment(recipe)).model.state_dict()
        differing = {name for name in after if not after[name].equal(before[name])}
        assert any("classifier" in name for name in differing)
        assert any("layer.1.attention.self.query" in name for name in differing) == (method != "head")
        assert any("layer.1.intermediate" in name for name in differing) == (method not in ("head", "lora"))
        assert not any("embeddings" in name or "layer.0." in name for name in differing)


def test_shots_are_nested_recorded_and_never_scored(world):
    recipe = world.recipe(
        seeds=[0, 1],
        targets={"topic": {"train": FROZEN, "languages": ["en", "sw"]}},
        fewshot={"shots": [1, 3], "draws": 2, "languages": ["sw"], "train": FROZEN},
    )
    graph = world.run(recipe)
    shots: dict[tuple[int, int], set[frozenset]] = {}
    for spec in stages(graph, FewshotStage):
        path = world.store.path(spec.key)
        ids = frozenset(json.loads((path / "shots.json").read_text()))
        assert not (path / "weights.safetensors").exists()
        assert not ids & set(pl.read_parquet(path / "items.parquet")["item"])
        shots.setdefault((spec.shots, spec.draw), set()).add(ids)
    assert all(len(draws) == 1 for draws in shots.values()), "the same shots with every seed"
    for draw in (0, 1):
        assert next(iter(shots[1, draw])) < next(iter(shots[3, draw]))
    assert shots[3, 0] != shots[3, 1]


def test_episodes_do_not_depend_on_earlier_ones(world, tmp_path_factory):
    settings = {"targets": {"topic": {"train": FROZEN, "languages": ["en", "sw"]}}}
    single = {"shots": [2], "draws": 1, "languages": ["sw"], "train": FROZEN}
    many = single | {"shots": [1, 2], "draws": 3, "methods": ["lora", "head", "full"]}
    graph = world.run(world.recipe(fewshot=many, **settings))
    other_world = World(tmp_path_factory.mktemp("single"))
    (spec,) = stages(other_world.run(other_world.recipe(fewshot=single, **settings)), FewshotStage)
    twin = next(s for s in stages(graph, FewshotStage) if (s.method.name, s.shots, s.draw) == ("full", 2, 0))
    files = [w.store.path(s.key) / "items.parquet" for w, s in ((world, twin), (other_world, spec))]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(("selection", "oracle"), [("english_dev", False), ("target_dev", True)])
def test_selection_is_recorded_and_target_dev_is_an_oracle(world, selection, oracle):
    recipe = world.recipe(
        targets={"topic": {"train": FROZEN, "languages": ["en", "sw"]}},
        fewshot={"shots": [2], "draws": 1, "languages": ["sw"], "train": FROZEN, "selection": selection},
    )
    (spec,) = stages(world.run(recipe), FewshotStage)
    fewshot_facts = facts(world, spec)
    assert (fewshot_facts.selection, fewshot_facts.oracle) == (selection, oracle)
    assert fewshot_facts.training.step_kept in [step for step, _ in fewshot_facts.training.curve]


def test_controls(world):
    recipe = world.recipe(
        intermediate={
            "none": {},
            "mark": {"tasks": ["mark"], "train": TRAIN},
            "shuffled": {"tasks": ["mark"], "shuffle_labels": True, "train": TRAIN},
            "longer": {"match_steps_of": "mark"},
        },
        targets={"topic": {"train": FROZEN, "languages": ["en", "sw"]}},
        fewshot={
            "shots": [2],
            "draws": 1,
            "languages": ["sw"],
            "train": FROZEN,
            "more_english": True,
            "without_target": True,
        },
    )
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    steps = {spec.match_steps_of is not None: facts(world, spec).training.steps for spec in stages(graph, TargetStage)}
    assert steps == {False: 4, True: 8}
    plain, shuffled = (facts(world, spec) for spec in stages(graph, IntermediateStage))
    assert plain.training.weights_after != shuffled.training.weights_after
    english = [spec for spec in stages(graph, FewshotStage) if spec.shots_language == "en"]
    assert english
    for spec in english:
        ids = json.loads((world.store.path(spec.key) / "shots.json").read_text())
        assert all(name.startswith("en") for name in ids)
    assert any(spec.fresh_head for spec in stages(graph, FewshotStage))


def test_retrieval_selects_one_layer_with_the_untrained_encoder(world):
    recipe = world.recipe(
        intermediate={"none": {}, "topic": {"tasks": ["topic"], "train": TRAIN}},
        targets={"same": {"languages": ["de", "sw"], "train": TRAIN}},
    )
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    layers = {facts(world, spec).layer for spec in stages(graph, RetrieveStage)}
    assert len(layers) == 1
    chosen = {spec.chosen_by for spec in stages(graph, RetrieveStage)}
    assert len(chosen) == 1
    curve = pl.read_parquet(world.store.path(chosen.pop()) / "layers.parquet")
    assert sorted(curve["layer"].unique()) == [0, 1, 2]
    assert sorted(curve["pooling"].unique()) == ["first", "mean"]


def test_retrieval_scores_one_layer_and_writes_the_curve_of_all(world):
    graph = world.run(world.recipe(targets={"same": {"languages": ["de"], "layer": 1, "train": TRAIN}}))
    (spec,) = stages(graph, RetrieveStage)
    curve = pl.read_parquet(world.store.path(spec.key) / "layers.parquet")
    assert len(curve) == 3 * 2
    accuracy = curve.filter(layer=1, pooling="mean")["value"].item()
    assert facts(world, spec).scores.by_metric["retrieval_accuracy"] == accuracy
    assert (facts(world, spec).layer, facts(world, spec).pooling) == (1, "mean")


def test_layers_can_be_selected_on_the_other_languages(world):
    recipe = world.recipe(
        targets={"same": {"languages": ["de", "sw"], "layer_selection_task": "other-languages", "train": TRAIN}}
    )
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    (chooser,) = stages(graph, ChooseLayerStage)
    assert chooser.split == "test"
    curve = pl.read_parquet(world.store.path(chooser.key) / "layers.parquet")
    for spec in stages(graph, RetrieveStage):
        others = curve.filter(pl.col("language") != spec.data.language)
        chosen = others.filter(layer=facts(world, spec).layer, pooling=facts(world, spec).pooling)
        assert chosen["value"].item() == others["value"].max()


def test_a_layer_per_arm_adds_a_score(world):
    recipe = world.recipe(
        intermediate={"none": {}, "topic": {"tasks": ["topic"], "train": TRAIN}},
        targets={"same": {"languages": ["de"], "select_layer_per_arm": True, "train": TRAIN}},
    )
    world.run(recipe)
    world.events.clear()
    graph = world.run(recipe)  # a job may need the result of a later one, and this world does not wait
    assert not world.failures(), [event.message for event in world.failures()]
    arms = {(cell.intermediate, cell.method) for cell in graph.cells}
    assert arms == {("none", "zero-shot"), ("topic", "zero-shot"), ("topic", "own-layer")}
    assert len({spec.parent for spec in stages(graph, ChooseLayerStage)}) == 2


def test_a_planted_translation_of_an_evaluation_item_is_refused(world):
    """Native splits put meaning 7 into the English training file and into the Swahili test file."""
    blocks = {"leaky": dict(world.recipe(targets={"topic": {}}).tasks["topic"].model_dump())}
    header, *rows = (world.folder / "en.csv").read_text().splitlines()
    swahili = (world.folder / "sw.csv").read_text().splitlines()[1:]
    files = {"en-train": rows[:30], "en-dev": rows[30:40], "sw-train": swahili[8:30]}
    files |= {"en-test": rows[40:], "sw-test": [*swahili[40:], swahili[7]]}
    for name, lines in files.items():
        (world.folder / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")
    blocks["leaky"] |= {
        "fractions": None,
        "files": {
            "en": {"train": "en-train.csv", "dev": "en-dev.csv", "test": "en-test.csv"},
            "sw": {"train": "sw-train.csv", "test": "sw-test.csv"},
        },
    }
    recipe = world.recipe(tasks=blocks, targets={"leaky": {"train": FROZEN}}, fewshot={"shots": [2], "train": FROZEN})
    world.run(recipe)
    messages = [event.message for event in world.failures()]
    assert messages
    assert all("'meaning7'" in message for message in messages), messages
    assert any("sw7" in message for message in messages)


def test_a_failed_stage_does_not_stop_the_others(world):
    recipe = world.recipe(
        targets={"topic": {"train": FROZEN, "languages": ["en", "sw"]}},
        fewshot={"shots": [1, 2], "draws": 1, "languages": ["sw"], "train": FROZEN | {"frozen_layers": 9}},
    )
    graph = world.run(recipe)
    assert len(world.failures()) == 2
    assert "9" in world.failures()[0].message
    assert all(world.store.manifest(spec.key) for spec in stages(graph, EvaluateStage))


def test_heads_have_the_labels_of_the_user_file(world):
    recipe = world.recipe(targets={"topic": TARGET})
    graph = world.run(recipe)
    (target,) = stages(graph, TargetStage)
    loaded = load_model(world.store, target.key, world.environment(recipe))
    assert loaded.labels == ("light", "weather")
    assert loaded.model.config.id2label == {0: "light", 1: "weather"}


def test_a_job_frees_reference_cycles_of_earlier_jobs(world):
    class Model:
        def __init__(self):
            self.cycle = self

    model = weakref.ref(Model())
    assert model() is not None
    run_job([], world.environment(world.recipe(targets={})), world.events.append)
    assert model() is None
