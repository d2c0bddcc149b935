"""Masked-language modelling and alignment as intermediate training, on a tiny encoder."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.tiny import SENTENCES
from tests.unit.report.page import Page
from tests.world import TRAIN, WORDS, World

from xstilts.config.recipe import Recipe
from xstilts.data.user_files import user_task
from xstilts.planning.specs import AlignStage, IntermediateStage, RetrieveStage, TargetStage
from xstilts.report import build
from xstilts.stages.artifacts import changed_tensors, total_steps
from xstilts.stages.job import run_job
from xstilts.store.store import Manifest

TARGET = {"topic": {"languages": ["de"], "train": TRAIN}}
ALIGN = {"task": "same", "split": "train", "layer": 1, "train": TRAIN | {"steps": 30, "learning_rate": 0.02}}
PAIRS = {"same": {"layer": 1, "train": TRAIN}}


def write_texts(folder: Path) -> dict[str, str]:
    lines = [" ".join(WORDS[(number + step) % 13] for step in range(6)) + f" {number}" for number in range(40)]
    (folder / "en.txt").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    (folder / "ru.tsv").write_text("text\n" + "\n".join(SENTENCES) + "\n", encoding="utf-8")
    return {"en": "en.txt", "ru": "ru.tsv"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def run(world: World, recipe: Recipe) -> Mapping[str, Manifest]:
    graph = world.run(recipe)
    assert not world.failures()
    manifests = {key: world.store.manifest(key) for key in graph.stages}
    return {key: manifest for key, manifest in manifests.items() if manifest}


def of_kind(manifests: Mapping[str, Manifest], kind: str) -> Manifest:
    return next(manifest for manifest in manifests.values() if manifest.kind == kind)


def masked(world: World, **settings: object) -> Recipe:
    mlm = {"texts": write_texts(world.folder)}
    arm = {"mlm": mlm, "train": TRAIN | {"steps": 30, "learning_rate": 0.005, "dropout": 0.0}} | settings
    return world.recipe(intermediate={"none": {}, "read": arm}, targets=TARGET)


def test_masked_texts_train_an_encoder(world: World) -> None:
    stage = of_kind(run(world, masked(world)), "intermediate")
    facts = stage.facts
    assert stage.title == "intermediate masked texts (en, ru), seed 0"
    assert facts.training.weights_changed and facts.mlm.head == "fresh" and facts.training.steps == 30
    assert facts.training.last_loss < facts.training.first_loss
    english, russian = facts.mlm.by_language["en"], facts.mlm.by_language["ru"]
    assert (english.texts, english.held_out) == (36, 4)
    assert english.perplexity_after < english.perplexity_before
    assert russian.held_out == 0 and russian.perplexity_before is None
    assert english.steps + russian.steps == 30
    assert "encoder.embeddings.word_embeddings.weight" in load_file(world.store.path(stage.key) / "weights.safetensors")


def test_masked_texts_share_the_steps_with_a_task(world: World) -> None:
    mlm = {"texts": write_texts(world.folder), "weight": 90, "alpha": 0.0}
    facts = of_kind(run(world, masked(world, tasks=["mark"], mlm=mlm)), "intermediate").facts
    mlm_steps = sum(language.steps for language in facts.mlm.by_language.values())
    assert mlm_steps + facts.steps_by_task["mark"] == 30
    assert facts.examples_by_task["mark"] < 90 and 15 < mlm_steps < 30
    assert facts.mlm.by_language["en"].steps and facts.mlm.by_language["ru"].steps


def test_epochs_set_the_steps_on_masked_texts(world: World) -> None:
    train = {"epochs": 2, "batch_size": 8, "max_length": 32, "precision": "fp32"}
    facts = of_kind(run(world, masked(world, train=train)), "intermediate").facts
    assert facts.training.steps == 2 * 6  # 36 + 8 texts


def test_frozen_layers_are_not_changed(world: World) -> None:
    recipe = masked(world, train=TRAIN | {"frozen_layers": 1}, tasks=["mark"])
    stage = of_kind(run(world, recipe), "intermediate")
    names = load_file(world.store.path(stage.key) / "weights.safetensors")
    assert names and all(name.startswith("encoder.encoder.layer.1.") for name in names)
    assert stage.facts.untouched_layers == 1


def test_keys_depend_on_the_content_of_texts_not_their_path(world: World) -> None:
    def key(recipe: Recipe) -> str:
        stages = world.graph(recipe).stages.values()
        return next(stage.key for stage in stages if isinstance(stage, IntermediateStage))

    before = key(masked(world))
    (world.folder / "en.txt").rename(world.folder / "moved.txt")
    moved = {"mlm": {"texts": {"en": "moved.txt", "ru": "ru.tsv"}}, "train": TRAIN | {"steps": 30}}
    moved["train"] |= {"learning_rate": 0.005, "dropout": 0.0}
    again = world.recipe(intermediate={"none": {}, "read": moved}, targets=TARGET)
    assert key(again) == before
    (world.folder / "moved.txt").write_text("another line\n", encoding="utf-8")
    assert key(again) != before


def test_masked_texts_are_reported_as_unchecked_for_leaks(world: World) -> None:
    manifests = run(world, masked(world))
    unchecked = {tuple(m.facts.leaks.unchecked) for m in manifests.values() if m.kind == "evaluate"}
    assert unchecked == {(), ("masked texts",)}


def aligned(world: World, **settings: object) -> Recipe:
    arms = {"none": {}, "aligned": {"align": ALIGN}, "both": {"align": ALIGN, "tasks": ["mark"], "train": TRAIN}}
    return world.recipe(intermediate=arms | settings, targets=TARGET | PAIRS)


@pytest.mark.parametrize(
    ("kind", "weights"),
    [
        ("xlm-roberta", ("encoder.layer.0.attention.self.query.weight", "encoder.layer.0.attention.self.value.weight")),
        ("bert", ("encoder.layer.0.attention.self.query.weight", "encoder.layer.0.attention.self.value.weight")),
        (
            "deberta-v2",
            (
                "encoder.layer.0.attention.self.query_proj.weight",
                "encoder.layer.0.attention.self.value_proj.weight",
            ),
        ),
        ("modernbert", ("layers.0.attn.Wqkv.weight",)),
    ],
)
def test_alignment_changes_only_the_attention_of_one_layer(kind: str, weights: tuple[str, ...], tmp_path: Path) -> None:
    world = World(tmp_path, kind=kind)
    recipe = world.recipe(intermediate={"none": {}, "aligned": {"align": ALIGN}}, targets=PAIRS)
    stage = of_kind(run(world, recipe), "align")
    assert stage.title == "align same (de, sw) in layer 1, seed 0"
    assert tuple(sorted(changed_tensors(world.store, stage.key))) == weights
    published = load_file(world.encoder / "model.safetensors")
    for name, tensor in changed_tensors(world.store, stage.key).items():
        assert not torch.equal(tensor, published[name])
    assert stage.facts.training.weights_changed and stage.facts.untouched_layers == 0


def test_alignment_increases_the_similarity_gap_and_accuracy(world: World) -> None:
    rows = of_kind(run(world, aligned(world)), "align").facts.alignment
    assert {(row.language, row.part, row.place) for row in rows} == {
        (language, part, place)
        for language in ("de", "sw")
        for part in ("trained", "held out")
        for place in ("layer 1", "output")
    }
    for row in rows:
        if row.part == "trained" and row.place == "layer 1":
            gap_before = row.before.translations - row.before.others
            assert row.after.translations - row.after.others > gap_before
            assert row.after.accuracy > row.before.accuracy


def test_tasks_train_on_the_aligned_encoder(world: World) -> None:
    graph = world.graph(aligned(world, control={"match_steps_of": "both"}))
    align = next(stage for stage in graph.stages.values() if isinstance(stage, AlignStage))
    both = next(stage for stage in graph.stages.values() if isinstance(stage, IntermediateStage))
    assert both.parent == align.key
    manifests = run(world, aligned(world, control={"match_steps_of": "both"}))
    assert manifests[both.key].facts.inherits == align.key
    assert total_steps(world.store, both.key) == 30 + TRAIN["steps"]
    control = next(s for s in graph.stages.values() if isinstance(s, TargetStage) and s.match_steps_of)
    assert manifests[control.key].facts.extra_steps == 34


def test_alignment_improves_retrieval(world: World) -> None:
    recipe = aligned(world)
    graph = world.graph(recipe)
    run(world, recipe)
    scores: dict[str, list[float]] = {}
    for cell in graph.cells:
        if cell.task == "same":
            manifest = world.store.manifest(cell.artifact)
            assert manifest
            scores.setdefault(cell.intermediate, []).append(manifest.facts.scores.by_metric["retrieval_accuracy"])
    assert sum(scores["aligned"]) > sum(scores["none"])


def test_scoring_alignment_data_is_refused(world: World) -> None:
    recipe = world.recipe(intermediate={"aligned": {"align": ALIGN}}, targets=PAIRS)
    graph = world.run(recipe)
    assert not world.failures()
    scored = next(stage for stage in graph.stages.values() if isinstance(stage, RetrieveStage))
    run_job([replace(scored, split="train")], world.environment(recipe), world.events.append)
    assert "training and evaluation share the group" in world.failures()[0].message


def test_the_report_shows_alignment_and_mlm(world: World) -> None:
    texts = write_texts(world.folder)
    arms = {"none": {}, "both": {"align": ALIGN, "mlm": {"texts": texts}, "train": TRAIN}}
    recipe = world.recipe(intermediate=arms, targets=TARGET)
    graph = world.run(recipe)
    known = {name: user_task(name, block, world.folder) for name, block in recipe.tasks.items()}
    build(recipe, graph, world.store, world.folder / "report.html", resamples=50, tasks=known)
    page = Page((world.folder / "report.html").read_text(encoding="utf-8"))
    rows = [row for row in page.rows if row and row[0] == "both"]
    assert [row[1:3] for row in rows if row[1] in ("held out", "trained")] == [
        [part, place] for part in ("held out", "trained") for place in ("layer 1", "output")
    ]
    assert all(row[-1].count("→") == 1 for row in rows if row[1] in ("held out", "trained"))
    assert next(row for row in rows if row[1].startswith("English"))[2] == "fresh"
    assert "both (alignment on same; MLM in en, ru)" in page.text
