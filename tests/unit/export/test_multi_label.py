"""A multi-label model from a recipe to predictions: its thresholds come from the dev split and are stored with it."""

import json
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer
from tests.golden.measure_losses import multi_label

from xstilts.api.artifacts import export_model, predict_file
from xstilts.data.splits import split_examples
from xstilts.execution.environment import Event
from xstilts.experiment import open_experiment
from xstilts.planning.specs import TargetStage
from xstilts.problems import PROBLEMS
from xstilts.stages.job import run_job


def test_labels_are_predicted_by_the_stored_thresholds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    experiment = open_experiment(multi_label(tmp_path), store=tmp_path / "store", offline=True)
    target = next(spec for spec in experiment.graph.stages.values() if isinstance(spec, TargetStage))
    events: list[Event] = []
    for key in (target.parent, target.key):
        run_job([experiment.graph.stages[key]], experiment.environment, events.append)
    assert [event.message for event in events if event.kind == "failed"] == []
    manifest = experiment.store.manifest(target.key)
    assert manifest is not None
    labels, thresholds = manifest.facts.model.labels, manifest.facts.model.thresholds
    assert labels == ("kitchen", "light", "weather")

    folder = export_model(target.key, tmp_path / "model", store=experiment.store.root, offline=True)
    model = SentenceTransformer(str(folder), device="cpu")

    def logits(texts: list[str]) -> torch.Tensor:
        return model.encode(texts, convert_to_tensor=True)

    task = experiment.loaded.tasks["topics"]
    examples = split_examples(task, task.read({}, "en"))
    dev = examples["dev"]
    fitted = PROBLEMS["multi-label"].fit_thresholds({"logits": logits([e.text for e in dev])}, [], dev, labels)
    assert thresholds == pytest.approx(fitted, abs=1e-5)
    assert thresholds != (0.5,) * 3

    texts = [example.text for example in examples["test"]]
    file = tmp_path / "new.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    rows = predict_file(target.key, file, store=experiment.store.root, offline=True)
    bounds = torch.tensor(thresholds)
    assert [row["predicted"] for row in rows] == [
        [label for label, hit in zip(labels, row.sigmoid() >= bounds, strict=True) if hit] for row in logits(texts)
    ]
