"""The ONNX folder predicts as the model does, in a process that cannot import torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.unit.fitting.export.conftest import Export
from tests.unit.fitting.export.models import TEXTS, model_folder

from xstilts.fitting.export.predict import Model
from xstilts.fitting.export.write import ExportSettings, export_folder
from xstilts.fitting.model import load_model

CHILD = """
import json, sys
sys.modules["torch"] = sys.modules["transformers"] = None  # importing them fails
sys.path.insert(0, sys.argv[1])
import predict
model = predict.Model(sys.argv[1], threads=1)
texts = json.load(sys.stdin)
answer = {}
for batch in (1, 7):
    predict.BATCH = batch
    answer[batch] = [model.logits(texts).tolist(), model.probabilities(texts).tolist(), model.predict(texts)]
window = model.session.run(None, model._batch([encoding for _, encoding in model._windows(texts[:1])]))
answer["graph"] = [value.tolist() for value in window]
print(json.dumps(answer))
"""


def answers(folder: Path, texts: object) -> dict:
    command = [sys.executable, "-I", "-B", "-c", CHILD, str(folder)]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_onnxruntime_gives_the_logits_without_torch(xlm_roberta: Export):
    model = load_model(xlm_roberta.source)
    answer = answers(xlm_roberta.folder, TEXTS)
    for batch in ("1", "7"):
        logits, probabilities, labels = answer[batch]
        np.testing.assert_allclose(logits, model.logits(TEXTS).numpy(), atol=1e-4)
        np.testing.assert_allclose(probabilities, model.predict_proba(TEXTS), atol=1e-4)
        assert labels == model.predict(TEXTS)
    logits, probabilities = answer["graph"]
    np.testing.assert_allclose(logits, model.logits(TEXTS[:1]).numpy(), atol=1e-4)
    np.testing.assert_allclose(probabilities, model.predict_proba(TEXTS[:1]), atol=1e-4)


def test_scores_of_subwords_are_exported(tmp_path: Path):
    source = model_folder(tmp_path / "model", subwords=True)
    model = load_model(source)
    texts = [*TEXTS, *(text.upper() for text in model.training.texts[:3])]
    assert np.abs(model.subwords.logits(model.states.subwords([(text, None) for text in texts]))).max() > 0.05
    export_folder(source, tmp_path / "onnx", ExportSettings(to="onnx"))
    for logits, *_ in (answers(tmp_path / "onnx", texts)[batch] for batch in ("1", "7")):
        np.testing.assert_allclose(logits, model.logits(texts).numpy(), atol=1e-4)


def test_other_formats_leave_scores_of_subwords_out(tmp_path: Path):
    source = model_folder(tmp_path / "model", subwords=True)
    exported = export_folder(source, tmp_path / "st", ExportSettings(to="sentence-transformers"))
    assert any("sub-words" in warning for warning in exported.warnings)
    assert load_model(tmp_path / "st").subwords is None


@pytest.mark.parametrize(
    ("kind", "pooling", "layers"),
    [("qwen3", "last", 1), ("modernbert", "mean", 2)],  # ModernBERT's second layer is local
)
def test_other_architectures_give_the_same_logits(tmp_path: Path, kind: str, pooling, layers: int):
    source = model_folder(tmp_path / "model", kind, pooling=pooling, layers=layers)
    exported = export_folder(source, tmp_path / "onnx", ExportSettings(to="onnx"))
    model, onnx = load_model(source), Model(exported.folder, threads=1)
    np.testing.assert_allclose(onnx.logits(TEXTS), model.logits(TEXTS).numpy(), atol=1e-4)
    assert onnx.predict(TEXTS) == model.predict(TEXTS)


def test_pairs_are_read_as_by_the_model(tmp_path: Path):
    source = model_folder(tmp_path / "model", "bert", pooling="first", pairs=True, rows=0)
    exported = export_folder(source, tmp_path / "onnx", ExportSettings(to="onnx"))
    pairs = [(TEXTS[0], TEXTS[1]), (TEXTS[11], TEXTS[2]), ("light", TEXTS[11]), ("", "x")]
    logits = Model(exported.folder, threads=1).logits(pairs)
    np.testing.assert_allclose(logits, load_model(source).logits(pairs).numpy(), atol=1e-4)


def test_the_folder_has_no_training_texts(xlm_roberta: Export):
    names = {path.name for path in xlm_roberta.folder.iterdir()}
    assert names == {
        "model.onnx",
        "tokenizer.json",
        "xstilts.json",
        "predict.py",
        "subword_scores.py",
        "README.md",
        "export.json",
    }
