"""int8: what is quantised, how far predictions change, and the refusal of exports that change too many."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests import tiny
from tests.unit.fitting.export.conftest import Export
from tests.unit.fitting.export.models import TEXTS

from xstilts.cli import call
from xstilts.fitting.export.predict import Model
from xstilts.fitting.export.quantise import BLOCK, quantise
from xstilts.fitting.facts import FACTS_FILE
from xstilts.fitting.model import load_model


@pytest.fixture(scope="module")
def quantised(xlm_roberta: Export, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("int8") / "onnx"
    shutil.copytree(xlm_roberta.folder, folder)
    quantise(folder / "model.onnx")
    return folder


@pytest.fixture
def close_model(xlm_roberta: Export, quantised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The model with a threshold between the probabilities in float32 and int8, so that int8 changes a prediction."""
    before = load_model(xlm_roberta.source).predict_proba(tiny.SENTENCES)
    after = Model(quantised, threads=1).probabilities(tiny.SENTENCES)
    row, label = np.unravel_index(np.abs(before - after).argmax(), before.shape)
    thresholds = [1.0, 1.0, 1.0]
    thresholds[label] = (before[row, label] + after[row, label]) / 2
    folder = tmp_path / "model"
    shutil.copytree(xlm_roberta.source, folder)
    facts = json.loads((folder / FACTS_FILE).read_text())
    facts["calibration"]["thresholds"] = thresholds
    (folder / FACTS_FILE).write_text(json.dumps(facts))
    graph = tmp_path / "float32.onnx"
    shutil.copyfile(xlm_roberta.folder / "model.onnx", graph)  # it does not depend on thresholds
    monkeypatch.setattr("xstilts.fitting.export.onnx.write_graph", lambda model, path: shutil.copyfile(graph, path))
    return str(folder)


def test_matrices_and_embeddings_are_stored_in_8_bits(xlm_roberta: Export, quantised: Path):
    graphs = [onnx.load(folder / "model.onnx").graph for folder in (xlm_roberta.folder, quantised)]
    before, after = (Counter(node.op_type for node in graph.node) for graph in graphs)
    tensors = {tensor.name: tensor for tensor in graphs[1].initializer}
    blocks = [node for node in graphs[1].node if node.op_type == "MatMulNBits"]
    assert len(blocks) == 7  # query, key, value and output of attention, two feed-forward matrices, and the head
    assert (before["MatMul"], before["Gemm"]) == (6 + 2, 1)  # the two products of activations stay
    assert (after["MatMul"], after["Gemm"]) == (2, 0)
    for node in blocks:
        settings = {attribute.name: attribute.i for attribute in node.attribute}
        assert (settings["bits"], settings["block_size"]) == (8, BLOCK)
        assert tensors[node.input[1]].data_type == onnx.TensorProto.UINT8
    words = len(load_model(xlm_roberta.source).states.tokenizer)
    (table,) = (tensor for tensor in tensors.values() if tuple(tensor.dims) == (words, 32))
    assert table.data_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)


def test_probabilities_stay_close(xlm_roberta: Export, quantised: Path):
    before, after = (
        load_model(xlm_roberta.source).predict_proba(TEXTS),
        Model(quantised, threads=1).probabilities(TEXTS),
    )
    assert 1e-6 < np.abs(before - after).max() < 0.05


def test_an_export_that_changes_too_many_predictions_is_refused(
    close_model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    assert call(["export", close_model, str(out), "--to", "onnx", "--int8"]) == 2
    assert "--accept-loss" in capsys.readouterr().err
    assert not out.exists()


def test_accept_loss_writes_it_and_records_the_agreement(
    close_model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    check = tmp_path / "check.jsonl"
    rows = [{"text": text, "language": "swh_Latn"} for text in tiny.SENTENCES]
    check.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"text": ""}, {"text": "12", "language": ""}]))
    out = tmp_path / "out"
    options = ["--to", "onnx", "--int8", "--accept-loss", "--check", str(check), "--json"]
    assert call(["export", close_model, str(out), *options]) == 0
    printed = capsys.readouterr()
    agreement = json.loads(printed.out)["agreement"]
    assert agreement == json.loads((out / "export.json").read_text())["agreement"]
    (checked,) = (row for row in agreement if (row["source"], row["language"]) == (check.name, "sw"))
    assert (checked["rows"], checked["same"] < 8, checked["labelled"]) == (8, True, 0)
    assert {row["language"] for row in agreement if row["source"] == check.name} == {"sw", "en"}
    training = [row for row in agreement if row["source"] != check.name]
    assert sum(row["rows"] for row in training) == 8
    assert sum(row["same"] for row in training) == checked["same"]
    assert "1 row without text" in printed.err
