"""Published shots, selection and multilingual arms, on a tiny encoder and files with fixed splits."""

import csv
import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from tests.world import TRAIN, World

from xstilts.planning.specs import FewshotStage
from xstilts.stages.fewshot import episode
from xstilts.stages.job import run_job

FROZEN = TRAIN | {"frozen_layers": 1}
SHOTS = {"shots-2": [17, 3], "shots-2x3": [17, 3, 22, 9, 30, 12]}
"""Rows of the published sets, in their order."""


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    for language in ("en", "sw", "de"):
        with (tmp_path / f"{language}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        splits = {"train": rows[:30], "dev": rows[30:40], "test": rows[40:]}
        if language == "sw":
            splits |= {split: [rows[number] for number in numbers] for split, numbers in SHOTS.items()}
        for split, split_rows in splits.items():
            write(tmp_path / f"{language}-{split}.csv", split_rows)
    return world


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def block(*more: str) -> dict:
    """A user's task with one file per split; `more` are additional splits of Swahili."""
    files = {name: {split: f"{name}-{split}.csv" for split in ("train", "dev", "test")} for name in ("en", "de", "sw")}
    files["sw"] |= {split: f"sw-{split}.csv" for split in more}
    columns = {"id": "id", "group": "group", "text": "text", "label": "label"}
    return {"problem": "classification", "files": files, "columns": columns}


def recipe_of(world, fewshot, *more, languages=("sw",), target=FROZEN, **settings):
    return world.recipe(
        tasks={"parts": block(*more)},
        targets={"parts": {"train": target, "languages": list(languages)}},
        fewshot={"draws": 1, "train": FROZEN} | fewshot,
        **settings,
    )


def run(world, *args, **settings):
    graph = world.run(recipe_of(world, *args, **settings))
    assert not world.failures(), [event.message for event in world.failures()]
    return graph


def episodes(graph):
    """Few-shot stages by method, k, draw and language."""
    specs = {cell: graph.stages[cell.artifact] for cell in graph.cells if cell.shots}
    assert all(isinstance(spec, FewshotStage) for spec in specs.values())
    return {(cell.method, cell.shots, cell.draw, cell.language): spec for cell, spec in specs.items()}


def shots_in(world, spec):
    return json.loads((world.store.path(spec.key) / "shots.json").read_text())


def facts(world, spec):
    return world.store.manifest(spec.key).facts


@pytest.mark.parametrize("train", [FROZEN, TRAIN])
def test_published_shots_are_the_rows_of_their_split_in_order(world, train):
    fewshot = {"shots": [2, "2x3"], "fixed_shots": True, "draws": 2, "methods": ["lora", "full"], "train": train}
    graph = run(world, fewshot, *SHOTS, languages=("sw", "de"))
    specs_by_arm = episodes(graph)
    drawn = {(method, 2, draw, name) for method in ("lora", "full") for draw in (0, 1) for name in ("sw", "de")}
    assert specs_by_arm.keys() == drawn | {("fixed-shots", 2, 0, "sw"), ("fixed-shots-2x3", 6, 0, "sw")}
    assert graph.skipped == ("parts: no published shots 2, 2x3 in de",)
    for (method, *_), name in {("fixed-shots", 2): "shots-2", ("fixed-shots-2x3", 6): "shots-2x3"}.items():
        spec = next(spec for key, spec in specs_by_arm.items() if key[0] == method)
        assert shots_in(world, spec) == [f"sw{number}" for number in SHOTS[name]]
        assert (spec.method.name, facts(world, spec).shots) == ("lora", len(SHOTS[name]))


def test_published_shots_need_no_training_split(world):
    fewshot = {"shots": ["2x3"], "fixed_shots": True, "train": TRAIN}
    tasks = {"parts": block("shots-2x3")}
    del tasks["parts"]["files"]["sw"]["train"]
    recipe = world.recipe(
        tasks=tasks, targets={"parts": {"train": FROZEN, "languages": ["sw"]}}, fewshot={"draws": 1} | fewshot
    )
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    assert list(episodes(graph)) == [("fixed-shots-2x3", 6, 0, "sw")]


def test_scoring_published_shots_is_refused(world):
    rows = list(csv.DictReader((world.folder / "sw-shots-2.csv").open(encoding="utf-8")))
    scored = list(csv.DictReader((world.folder / "en-test.csv").open(encoding="utf-8")))
    write(world.folder / "sw-shots-2.csv", [*rows, scored[0]])
    recipe = world.recipe(
        tasks={"parts": block("shots-2")},
        targets={"parts": {"train": FROZEN, "languages": ["sw"]}},
        fewshot={"shots": [2], "fixed_shots": True, "draws": 1, "train": FROZEN},
    )
    graph = world.run(recipe)
    (failure,) = world.failures()
    assert graph.stages[failure.key].fixed_shots == "2"
    assert "'meaning40'" in failure.message


def test_the_english_pool_is_not_capped(world):
    graph = world.run(
        world.recipe(
            tasks={"parts": block()},
            targets={"parts": {"train": FROZEN, "languages": ["sw"], "max_examples": 6}},
            fewshot={"shots": [6], "draws": 1, "more_english": True, "train": TRAIN},
        )
    )
    assert not world.failures(), [event.message for event in world.failures()]
    assert len(shots_in(world, episodes(graph)["more-english", 6, 0, "sw"])) == 12


def zero_shot(graph, language="sw"):
    (cell,) = [cell for cell in graph.cells if (cell.method, cell.language) == ("zero-shot", language)]
    return cell.artifact


@pytest.mark.parametrize("train", [FROZEN, TRAIN | {"dropout": 0.1}])
@pytest.mark.parametrize("methods", [["full"], ["lora"]])
def test_selection_keeps_the_initial_weights_if_no_step_improves_them(world, methods, train):
    """A well-trained target gets worse with far too large steps."""
    large = {"learning_rate": 0.9, "head_learning_rate": 0.9}
    named = [{"method": "lora", "learning_rate": 0.9} if method == "lora" else method for method in methods]
    fewshot = {"shots": [2], "methods": named, "also_select": "english_dev", "train": train | large}
    graph = run(world, fewshot, target=TRAIN | {"steps": 60, "learning_rate": 5e-3})
    specs_by_arm = episodes(graph)
    assert [key[0] for key in specs_by_arm] == [*methods, "english-dev"]
    fixed, chosen = (facts(world, spec) for spec in specs_by_arm.values())
    assert (fixed.selection, fixed.training.step_kept, fixed.training.weights_changed) == ("none", 4, True)
    assert (chosen.selection, chosen.training.step_kept, chosen.training.weights_changed) == ("english_dev", 0, False)
    assert [step for step, _ in chosen.training.curve] == [0, 2, 4]
    keys = (zero_shot(graph), *(spec.key for spec in specs_by_arm.values()))
    zero_shot_items, _, selected_items = ((world.store.path(key) / "items.parquet").read_bytes() for key in keys)
    assert (
        zero_shot_items == selected_items
        and fixed.training.weights_after != chosen.training.weights_after == chosen.training.weights_before
    )


def test_selection_excludes_the_initial_weights_of_a_fresh_head(world):
    fewshot = {"shots": [2], "selection": "english_dev", "without_target": True}
    specs_by_arm = episodes(run(world, fewshot))
    steps = {key[0]: [step for step, _ in facts(world, spec).training.curve] for key, spec in specs_by_arm.items()}
    assert steps == {"full": [0, 2, 4], "without-target": [2, 4]}


@pytest.mark.parametrize(("method", "train"), [("full", TRAIN), ("full", FROZEN), ("lora", FROZEN), ("joint", FROZEN)])
def test_a_multilingual_model_is_trained_once_and_scored_in_every_language(world, monkeypatch, method, train):
    runs = []
    fit = episode.fit
    monkeypatch.setattr(episode, "fit", lambda *args, **kwargs: runs.append(kwargs["seed"]) or fit(*args, **kwargs))
    fewshot = {"shots": [1, 3], "draws": 2, "methods": [method], "multilingual": True, "train": train}
    graph = run(world, fewshot, languages=("sw", "de"))
    mixed = {key[1:]: spec for key, spec in episodes(graph).items() if key[0] == "multilingual"}
    assert mixed.keys() == {(k, draw, language) for k in (1, 3) for draw in (0, 1) for language in ("sw", "de")}
    monolingual = 0 if method == "lora" else 8  # adapters train in batches
    assert len(runs) == monolingual + 4  # one for each k and draw, whatever the languages
    for k, draw in ((1, 0), (3, 1)):
        pair = [mixed[k, draw, language] for language in ("sw", "de")]
        assert {spec.title for spec in pair} == {
            f"{k}-shot {language} parts ({method}), mixed, draw {draw}, seed 0" for language in ("sw", "de")
        }
        first, second = (facts(world, spec) for spec in pair)
        assert first.training.weights_after == second.training.weights_after != first.training.weights_before
        drawn = [shots_in(world, episodes(graph)[method, k, draw, language]) for language in ("sw", "de")]
        assert shots_in(world, pair[0]) == shots_in(world, pair[1]) == drawn[0] + drawn[1]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_multilingual_scores_do_not_depend_on_the_order_of_languages(world, method):
    fewshot = {"shots": [2], "methods": [method], "multilingual": True, "train": TRAIN}
    recipe = recipe_of(world, fewshot, languages=("sw", "de"))
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    specs = [spec for (name, *_), spec in episodes(graph).items() if name == "multilingual"]
    expected = {spec.key: (world.store.path(spec.key) / "items.parquet").read_bytes() for spec in specs}
    sums = {facts(world, spec).training.weights_after for spec in specs}
    assert len({spec.group for spec in specs}) == 1 and len(sums) == 1
    for spec in reversed(specs):
        shutil.rmtree(world.store.path(spec.key))
        run_job([spec], world.environment(recipe), world.events.append)
        assert (world.store.path(spec.key) / "items.parquet").read_bytes() == expected[spec.key]
        assert facts(world, spec).training.weights_after in sums


def test_translated_test_sets_use_the_same_items_and_model(world):
    """If the translations are the English items, the predictions are those for English."""
    english = list(csv.DictReader((world.folder / "en-test.csv").open(encoding="utf-8")))
    write(world.folder / "sw-test-mt.csv", [row | {"id": row["id"].replace("en", "sw")} for row in english])
    recipe = world.recipe(
        tasks={"parts": block("test-mt")},
        targets={"parts": {"train": FROZEN, "languages": ["sw", "de"], "translate_test": True, "max_items": 9}},
    )
    graph = world.run(recipe)
    assert not world.failures(), [event.message for event in world.failures()]
    items = {
        (cell.method, cell.language): pl.read_parquet(world.store.path(cell.artifact) / "items.parquet").sort("group")
        for cell in graph.cells
    }
    assert items.keys() == {("zero-shot", name) for name in ("en", "sw", "de")} | {("translate-test", "sw")}
    swahili, translated = items["zero-shot", "sw"], items["translate-test", "sw"]
    assert len(swahili) == 9 and swahili.select("item", "group", "gold").equals(
        translated.select("item", "group", "gold")
    )
    both = translated.join(items["zero-shot", "en"], on="group")
    assert len(both) and both["predicted"].equals(both["predicted_right"])
