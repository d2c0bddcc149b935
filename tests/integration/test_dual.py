"""Dual encoders on a user's own pictures, from files to scores: trained, and as they are."""

from pathlib import Path

import polars as pl
import pytest
import torch
from PIL import Image
from tests.pictures import write_recipe
from tests.tiny_dual import FILLED, build
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from xstilts.api import runs as api
from xstilts.errors import UserError
from xstilts.experiment import open_experiment
from xstilts.export.checkpoint import export
from xstilts.stages.artifacts import changed_tensors
from xstilts.store.store import Store

TRAINED = """\
intermediate:
  none:
  pictures: {tasks: [colour-find, colour-match], train: &train {steps: 2, batch_size: 8, precision: fp32}}
  blind: {modality: text}
targets:
  colour-match: {train: {<<: *train, evaluations: 1}}
  colour-find: {intermediates: [none, pictures], train: {<<: *train, evaluations: 1}}
fewshot:
  shots: [2]
  draws: 1
  methods: [full, lora, head]
  intermediates: [pictures]
  train: {<<: *train, steps: 2}
"""
UNTRAINED = """\
intermediate:
  none:
  pictures: {tasks: [colour-find], train: &train {steps: 2, batch_size: 8, precision: fp32}}
targets:
  colour-find: {skip_training: true, train: {precision: fp32}}
fewshot: {shots: [2], draws: 1, train: {<<: *train, steps: 2}}
"""


class Ran:
    """A recipe that has run, and what its stages left."""

    def __init__(self, folder: Path, kind: str, rest: str) -> None:
        shared = write_recipe(folder)
        tasks = shared.read_text(encoding="utf-8").partition("tasks:\n")[2].partition("  topic:\n")[0]
        self.encoder = build(kind, folder / kind)
        self.recipe = folder / f"{kind}.yaml"
        head = f"name: {kind}\nencoder: {self.encoder}\nseeds: [0, 1]\n"
        self.recipe.write_text(f"{head}tasks:\n{tasks}{rest}", encoding="utf-8")
        self.store = Store(folder / "store")
        api.run(self.recipe, store=self.store.root, workers=1, offline=True)
        self.experiment = open_experiment(self.recipe, store=self.store.root, offline=True)

    def stages(self, kind: str, **fields: object) -> list:
        found = [spec for spec in self.experiment.graph.stages.values() if spec.kind == kind]
        return [spec for spec in found if all(getattr(spec, name) == value for name, value in fields.items())]

    def facts(self, spec):
        manifest = self.store.manifest(spec.key)
        assert manifest is not None
        return manifest.facts


def _run(kind: str, rest: str, factory: pytest.TempPathFactory):
    folder = factory.mktemp(kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XSTILTS_CACHE", str(folder / "cache"))
        yield Ran(folder, kind, rest)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    yield from _run("clip", TRAINED, tmp_path_factory)


@pytest.fixture(scope="module")
def siglip(tmp_path_factory):
    yield from _run("siglip", UNTRAINED, tmp_path_factory)


def test_what_its_texts_and_images_go_through_is_recorded(clip, siglip):
    facts = [ran.facts(ran.stages("pretrained")[0]) for ran in (clip, siglip)]
    assert [f.encoder.image_input.tokens for f in facts] == [1, 1]
    assert [f.encoder.fusion.image_size for f in facts] == [32, 32]
    texts = [f.prepared.texts for f in facts]
    assert [(t["filled"], t["longest"], t["lower_case"]) for t in texts] == [(False, 77, False), (True, FILLED, True)]
    assert [f.prepared.images["size"] for f in facts] == [{"shortest_edge": 32}, {"height": 32, "width": 32}]


def test_the_encoder_is_handed_on_through_every_stage(clip):
    (intermediate,) = clip.stages("intermediate", seed=0)
    handed = changed_tensors(clip.store, intermediate.key)
    assert {"image.weight", "text_projection.weight"} < handed.keys()
    assert not any("vision" in name or "logit" in name for name in handed)
    targets = [spec for spec in clip.stages("target", seed=0) if spec.parent == intermediate.key]
    assert {spec.data.task for spec in targets} == {"colour-match", "colour-find"}
    for spec in targets:
        facts = clip.facts(spec)
        assert facts.training.weights_changed is True
        assert facts.untouched_layers is None
        assert set(facts.restored) == handed.keys()
    assert all(0 <= value <= 1 for s in clip.stages("evaluate") for value in clip.facts(s).scores.by_metric.values())


def test_shots_by_every_method(clip):
    episodes = clip.stages("fewshot", seed=0)
    assert {(spec.evaluation.task, spec.method.name) for spec in episodes} == {
        (task, method) for task in ("colour-match", "colour-find") for method in ("full", "lora", "head")
    }
    assert all(clip.facts(spec).training.weights_changed is True for spec in episodes)


def test_images_are_nothing_to_the_blind(clip):
    (spec,) = [s for s in clip.stages("evaluate", modality="text") if s.data.language == "sw" and s.parent][:1]
    assert clip.facts(spec).controls is None


def _official_ranks(siglip, items: list[str], language: str) -> list[int]:
    """Ranks of the images of captions, by transformers' own model."""
    rows = pl.read_csv(siglip.recipe.parent / f"find-{language}.csv").rows_by_key("id", named=True, unique=True)
    model = AutoModel.from_pretrained(siglip.encoder).eval()
    texts = AutoTokenizer.from_pretrained(siglip.encoder)(
        [rows[item]["text"].lower() for item in items],
        padding="max_length",
        truncation=True,
        max_length=FILLED,
        return_tensors="pt",
    )
    pictures = [Image.open(siglip.recipe.parent / rows[item]["image"]) for item in items]
    images = AutoImageProcessor.from_pretrained(siglip.encoder, backend="pil")(pictures, return_tensors="pt")
    with torch.no_grad():
        logits = model(input_ids=texts["input_ids"], pixel_values=images["pixel_values"]).logits_per_text
    return (logits > logits.diagonal()[:, None]).sum(1).add(1).tolist()


def test_untrained_it_finds_what_transformers_own_model_finds(siglip):
    (encoder,) = siglip.stages("pretrained")
    for spec in siglip.stages("evaluate", parent=encoder.key):
        items = pl.read_parquet(siglip.store.path(spec.key) / "items.parquet")
        ranks = _official_ranks(siglip, items["item"].to_list(), spec.data.language)
        expected = sum(rank == 1 for rank in ranks) / len(ranks)
        assert siglip.facts(spec).scores.by_metric["image_recall_at_1"] == pytest.approx(expected)
        assert len(set(ranks)) > 2
        assert siglip.facts(spec).step_kept is None


def test_untrained_nothing_is_random_and_shots_adapt_the_encoder(siglip):
    assert not siglip.stages("target")
    cells = siglip.experiment.graph.cells
    plain = [cell for cell in cells if cell.method == "zero-shot" and cell.intermediate == "none"]
    assert {cell.seed for cell in plain} == {None}
    assert {cell.language for cell in plain} == {"en", "sw"} and len(plain) == 2
    after = [cell for cell in cells if cell.method == "zero-shot" and cell.intermediate == "pictures"]
    assert {cell.seed for cell in after} == {0, 1}
    (encoder,) = siglip.stages("pretrained")
    episodes = siglip.stages("fewshot", parent=encoder.key)
    assert len(episodes) == 2 and all(spec.fresh_head for spec in episodes)
    assert all(siglip.facts(spec).training.weights_changed is True for spec in episodes)


def test_the_report_is_made(clip, siglip):
    for ran in (clip, siglip):
        page = (ran.store.root / "reports" / f"{ran.recipe.stem}.html").read_text(encoding="utf-8")
        assert "colour-find" in page


def test_what_transformers_has_no_class_for_is_not_exported(clip, tmp_path):
    with pytest.raises(UserError, match="reads images"):
        export(clip.store, clip.stages("target")[0].key, tmp_path / "out", clip.experiment.environment)
    assert not (tmp_path / "out").exists()
