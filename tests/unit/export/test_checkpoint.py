"""A tiny encoder is trained on a user's own files; its artifact is exported, described and asked for labels."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import yaml
from sentence_transformers import SentenceTransformer
from tests.own import write_recipe
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from xstilts.api.artifacts import export_model, predict_file
from xstilts.errors import DataError, UserError
from xstilts.execution.environment import Event
from xstilts.experiment import Experiment, open_experiment
from xstilts.export.card import lineage, model_card
from xstilts.planning.specs import FewshotStage
from xstilts.stages.artifacts import load_model
from xstilts.stages.job import run_job
from xstilts.store.lookup import find_artifact


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return run(write_recipe(tmp_path_factory.mktemp("own")))


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return run(write_recipe(tmp_path_factory.mktemp("native"), head="native"))


def run(recipe: Path) -> Experiment:
    experiment = open_experiment(recipe, store=recipe.parent / "store", offline=True)
    events: list[Event] = []
    run_job(list(experiment.graph.stages.values()), experiment.environment, events.append)
    assert [event.message for event in events if event.kind == "failed"] == []
    return experiment


def key_of(experiment: Experiment, kind: str) -> str:
    """Of the first stage of a kind, or with a few-shot method of that name."""
    return next(
        key
        for key, stage in experiment.graph.stages.items()
        if kind in (stage.kind, str(stage.method) if isinstance(stage, FewshotStage) else None)
    )


def logits(model: torch.nn.Module, tokenizer, texts: Sequence[str]) -> torch.Tensor:
    with torch.inference_mode():
        return model(**tokenizer(list(texts), padding=True, return_tensors="pt")).logits


TEXTS = ("turn on lamp 7 in the attic", "mach das Licht in der K\u00fcche an")


@pytest.mark.parametrize("kind", ["target", "lora"])
def test_a_native_head_is_exported_to_transformers(native: Experiment, tmp_path: Path, kind: str):
    key = key_of(native, kind)
    folder = export_model(key, tmp_path / "model", store=native.store.root, offline=True)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    loaded = load_model(native.store, key, native.environment)
    assert torch.equal(logits(model, tokenizer, TEXTS), logits(loaded.model, loaded.tokenizer, TEXTS))
    assert model.config.id2label == {0: "attic", 1: "cellar", 2: "kitchen"}
    assert (folder / "README.md").is_file()


@pytest.mark.parametrize("kind", ["target", "lora", "logreg"])
def test_a_trained_and_a_closed_form_head_are_exported_to_sentence_transformers(
    trained: Experiment, tmp_path: Path, kind: str
):
    key = key_of(trained, kind)
    folder = export_model(key, tmp_path / "model", store=trained.store.root, offline=True)
    encoded = SentenceTransformer(str(folder), device="cpu").encode(list(TEXTS), convert_to_tensor=True)
    loaded = load_model(trained.store, key, trained.environment)
    torch.testing.assert_close(encoded, logits(loaded.model, loaded.tokenizer, TEXTS), atol=1e-4, rtol=0)
    assert json.loads((folder / "config.json").read_text())["id2label"] == {"0": "attic", "1": "cellar", "2": "kitchen"}
    assert (folder / "README.md").is_file()


def test_an_export_overwrites_nothing(trained: Experiment, tmp_path: Path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        export_model(key_of(trained, "target"), tmp_path, store=trained.store.root)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_only_trained_models_are_exported(trained: Experiment, tmp_path: Path):
    key = key_of(trained, "evaluate")
    with pytest.raises(UserError, match=key[:12]):
        export_model(key, tmp_path / "model", store=trained.store.root)


def test_the_card_has_the_scores(trained: Experiment):
    key = key_of(trained, "target")
    _, front, prose = model_card(trained.store, key).split("---\n", 2)
    assert "license" not in yaml.safe_load(front), "it depends on the data, too"
    metadata = yaml.safe_load(front)
    assert {name: metadata[name] for name in ("language", "pipeline_tag", "tags", "metrics")} == {
        "language": ["en"],
        "pipeline_tag": "text-classification",
        "tags": ["xstilts", "classification", "rooms"],
        "metrics": ["macro_f1", "accuracy"],
    }
    measured = {
        stage.data.language: trained.store.manifest(name).facts.scores.by_metric
        for name, stage in trained.graph.stages.items()
        if stage.kind == "evaluate"
    }
    told = {
        result["dataset"]["config"]: {score["type"]: score["value"] for score in result["metrics"]}
        for result in metadata["model-index"][0]["results"]
    }
    assert told == {
        language: {name: round(value, 4) for name, value in scores.items()} for language, scores in measured.items()
    }
    assert key[:12] in prose
    assert [manifest.kind for manifest in lineage(trained.store, key)] == ["pretrained", "target"]


def test_a_file_is_labelled(trained: Experiment, tmp_path: Path):
    file = tmp_path / "new.csv"
    file.write_text("id,sentence\n7,turn on lamp 3 in the attic\n8,turn on lamp 4 in the cellar\n", encoding="utf-8")
    rows = predict_file(key_of(trained, "target")[:8], file, store=trained.store.root, offline=True)
    assert [(row["id"], row["sentence"]) for row in rows] == [
        ("7", "turn on lamp 3 in the attic"),
        ("8", "turn on lamp 4 in the cellar"),
    ]
    assert {row["predicted"] for row in rows} <= {"attic", "cellar", "kitchen"}


def test_bad_rows_are_named_before_the_model_is_loaded(trained: Experiment, tmp_path: Path):
    file = tmp_path / "new.csv"
    file.write_text("id,sentence\n7,\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"new\.csv:2: "):
        predict_file(key_of(trained, "target"), file, store=trained.store.root)


def test_an_artifact_is_found_by_its_beginning(trained: Experiment):
    key = key_of(trained, "target")
    assert find_artifact(trained.store, key[:6]) == find_artifact(trained.store, key) == key
    with pytest.raises(UserError, match=key[:12]):
        find_artifact(trained.store, key[:10] + "zz")
    with pytest.raises(UserError, match="6 or more") as caught:
        find_artifact(trained.store, key[:5])
    assert key[:12] in caught.value.hint  # a trained model that it could be
    with pytest.raises(UserError, match="'123456'") as caught:
        find_artifact(trained.store, "123456")
    assert key[:12] in caught.value.hint
