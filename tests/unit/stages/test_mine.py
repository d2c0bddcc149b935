"""Mining on a tiny encoder and a user's own files."""

import csv

import polars as pl
import pytest
from tests.world import TRAIN, WORDS, World, tasks

from xstilts.metrics import metric
from xstilts.planning.specs import ChooseLayerStage, MineStage

SPLITS = ("dev", "test")


def rows(split: str, language: str, count: int = 24) -> list[dict[str, str]]:
    """Every third sentence has no translation. The others equal their translations, so that any encoder finds them."""
    return [_row(number, side, split, language) for number in range(count) for side in (0, 1)]


def _row(number: int, side: int, split: str, language: str) -> dict[str, str]:
    paired = number % 3 > 0
    names = f"{split}-{language}{number}", f"{split}-en{number}"
    unpaired_text = "xyz"[side] * (3 + number)
    return {
        "id": names[side],
        "text": f"{WORDS[number % 5]} {WORDS[number % 12]} {WORDS[number % 7]} {number}" if paired else unpaired_text,
        "english": "true" if side else "false",
        "partners": names[1 - side] if paired else "",
    }


def write(path, lines) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    for language in ("de", "sw"):
        for split in SPLITS:
            write(tmp_path / f"dig-{language}-{split}.csv", rows(split, language))
    return world


def recipe(world, **target):
    block = {
        "problem": "mining",
        "files": {lang: {split: f"dig-{lang}-{split}.csv" for split in SPLITS} for lang in ("de", "sw")},
        "columns": {name: name for name in ("id", "text", "english", "partners")},
    }
    settings = {"intermediate": {"none": {}, "topic": {"tasks": ["topic"], "train": TRAIN}}}
    return world.recipe(tasks=tasks() | {"dig": block}, targets={"dig": {"train": TRAIN, **target}}, **settings)


def mined(graph):
    return [spec for spec in graph.stages.values() if isinstance(spec, MineStage)]


def test_thresholds_are_fitted_on_dev_for_every_encoder_and_language(world):
    graph = world.run(recipe(world))
    assert not world.failures(), [event.message for event in world.failures()]
    assert len(mined(graph)) == 2 * 2
    for spec in mined(graph):
        facts = world.store.manifest(spec.key).facts
        assert facts.threshold_split == "dev" and facts.threshold > 0
        assert facts.threshold_score > 0.8
        frame = pl.read_parquet(world.store.path(spec.key) / "items.parquet")
        assert frame["item"].to_list() == [f"test-{spec.data.language}{number}" for number in range(24)]
        assert facts.scores.by_metric["pair_f1"] == metric("pair_f1").score(frame) > 0.8
        assert facts.scores.by_metric.keys() == {"pair_f1", "pair_precision", "pair_recall"}


def test_all_arms_use_one_layer_selected_on_dev(world):
    graph = world.run(recipe(world))
    (chosen,) = (spec for spec in graph.stages.values() if isinstance(spec, ChooseLayerStage))
    facts = world.store.manifest(chosen.key).facts
    assert len(facts.curve) == 3
    assert {world.store.manifest(spec.key).facts.layer for spec in mined(graph)} == {facts.layer}


def test_thresholds_do_not_depend_on_the_test_split(world):
    graph = world.run(recipe(world, layer=1))
    before = {spec.data.language: world.store.manifest(spec.key).facts.threshold for spec in mined(graph)}
    for language in ("de", "sw"):
        write(world.folder / f"dig-{language}-test.csv", rows("test", language, count=9))
    again = world.run(recipe(world, layer=1))
    assert not {spec.key for spec in mined(again)} & {spec.key for spec in mined(graph)}
    after = {spec.data.language: world.store.manifest(spec.key).facts.threshold for spec in mined(again)}
    assert after == pytest.approx(before)


def test_sentences_that_occur_twice_are_not_paired(world):
    lines = rows("test", "de")
    twin = next(row for row in lines if row["partners"] and row["english"] == "false")
    write(world.folder / "dig-de-test.csv", [*lines, twin | {"id": "twin", "partners": ""}])
    graph = world.run(recipe(world, layer=1, languages=["de"], intermediates=["none"]))
    (spec,) = mined(graph)
    frame = pl.read_parquet(world.store.path(spec.key) / "items.parquet")
    predicted = dict(zip(frame["item"], frame["predicted"], strict=True))
    assert predicted[twin["id"]] == predicted["twin"] == '""'
    assert frame["gold_pairs"].sum() == 16


@pytest.mark.parametrize(
    ("change", "value"),
    [
        (lambda row: row | {"english": "true"}, "'test'"),
        (lambda row: {name: row[name] for name in ("id", "text", "english")}, "'partners'"),
    ],
)
def test_unusable_files_fail_with_their_reason(world, change, value):
    write(world.folder / "dig-de-test.csv", [change(row) for row in rows("test", "de")])
    world.run(recipe(world, layer=1, languages=["de"], intermediates=["none"]))
    assert [value in event.message for event in world.failures()] == [True]


def test_sentences_that_were_trained_on_are_refused(world):
    with (world.folder / "en.csv").open(encoding="utf-8", newline="") as file:
        trained = [
            row | {"text": f"a long sentence that says a lot about number {n}"}
            for n, row in enumerate(csv.DictReader(file))
        ]
    write(world.folder / "en.csv", trained)
    scored = rows("test", "de")
    for row, example in zip(scored[1::2], trained, strict=False):
        row["text"] = example["text"]
    write(world.folder / "dig-de-test.csv", scored)
    graph = world.run(recipe(world, languages=["de"]))
    failures = [graph.stages[event.key] for event in world.failures()]
    assert [type(stage) for stage in failures] == [MineStage]
    assert "'topic' was trained on a text of example 'test-en" in world.failures()[0].message


def test_training_data_that_cannot_be_compared_are_named(world):
    graph = world.run(recipe(world, languages=["de"]))
    assert not world.failures(), [event.message for event in world.failures()]
    leaks = [world.store.manifest(spec.key).facts.leaks for spec in mined(graph)]
    assert sorted(facts.unchecked for facts in leaks) == [(), ("topic",)]
