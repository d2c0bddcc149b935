"""Formats that other libraries load, the comparison by language, and the upload."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from tests.unit.fitting.export.models import model_folder
from transformers import pipeline

from xstilts.cli import call
from xstilts.errors import SourceError, UserError
from xstilts.fitting.export.agreement import compare, require_agreement
from xstilts.fitting.export.hub import push
from xstilts.fitting.export.texts import CheckRow
from xstilts.fitting.export.write import ExportSettings, export_folder
from xstilts.fitting.model import load_model

TEXTS = ["turn on the light", "свет на кухне", "打开"]


def test_sentence_transformers_gives_the_logits(tmp_path: Path):
    source = model_folder(tmp_path / "model")
    exported = export_folder(
        source, tmp_path / "st", ExportSettings(to="sentence-transformers", languages=("en", "ru"))
    )
    encoded = SentenceTransformer(str(exported.folder), device="cpu").encode(TEXTS[:2], convert_to_tensor=True)
    torch.testing.assert_close(encoded, load_model(source).logits(TEXTS[:2]), atol=1e-4, rtol=0)
    assert not list(exported.folder.glob("training*"))


@pytest.mark.parametrize(("kind", "pooling"), [("eurobert", "mean"), ("xlm-roberta", "first")])
def test_pipeline_gives_the_probabilities(tmp_path: Path, kind: str, pooling):
    source = model_folder(tmp_path / "model", kind, pooling=pooling)
    exported = export_folder(source, tmp_path / "checkpoint", ExportSettings(to="transformers"))
    answers = pipeline("text-classification", str(exported.folder), top_k=None)(["light", "12"])
    model = load_model(source)
    for answer, row in zip(answers, model.predict_proba(["light", "12"]), strict=True):
        scores = {entry["label"]: entry["score"] for entry in answer}
        np.testing.assert_allclose([scores[label] for label in model.labels], row, atol=1e-4)


def test_transformers_without_a_fitting_head_is_refused(tmp_path: Path):
    with pytest.raises(UserError):
        export_folder(model_folder(tmp_path / "model"), tmp_path / "x", ExportSettings(to="transformers"))
    assert not (tmp_path / "x").exists()


def test_setfit_loads_the_folder(tmp_path: Path):
    source = model_folder(tmp_path / "model")
    exported = export_folder(source, tmp_path / "setfit", ExportSettings(to="setfit"))
    setfit = pytest.importorskip("setfit")
    loaded = setfit.SetFitModel.from_pretrained(str(exported.folder))
    np.testing.assert_allclose(loaded.predict_proba(TEXTS), load_model(source).predict_proba(TEXTS), atol=1e-4)


def test_a_change_of_predictions_is_counted_by_language_and_refused(tmp_path: Path):
    facts = load_model(model_folder(tmp_path / "model")).facts
    rows = [CheckRow(text=str(n), language="en" if n < 50 else "sw", source="x", labels=("light",)) for n in range(100)]

    def before(texts):
        return np.tile([0.2, 0.5, 0.3], (len(texts), 1))

    def after(texts):
        return np.stack([[0.5, 0.2, 0.3] if text in ("97", "98") else [0.2, 0.5, 0.3] for text in texts])

    english, swahili = compare(facts, rows, before, after)
    assert (english.language, english.rows, english.same, english.difference) == ("en", 50, 50, 0.0)
    assert (swahili.same, swahili.right_before, swahili.right_after) == (48, 50, 48)
    assert swahili.difference == pytest.approx(2 * 0.6 / 150)
    require_agreement([english], "int8")
    with pytest.raises(UserError):
        require_agreement([english, swahili], "int8")


def test_settings_that_do_not_go_together_exit_with_2(tmp_path: Path):
    source, out = str(model_folder(tmp_path / "model")), str(tmp_path / "out")
    assert call(["export", source, out]) == 2
    assert call(["export", source, out, "--to", "sentence-transformers", "--int8"]) == 2
    assert call(["export", source, out, "--to", "onnx", "--pieces", "10"]) == 2
    assert call(["export", source, source, "--to", "onnx"]) == 2
    assert call(["export", "nothing", out, "--to", "onnx"]) == 2
    assert not Path(out).exists()


class Upload(BaseHTTPRequestHandler):
    """As much of the Hub as an upload of small files needs."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers["Authorization"], body))  # type: ignore[attr-defined]
        address = f"http://127.0.0.1:{self.server.server_address[1]}/owner/name"
        if self.path == "/api/repos/create":
            return self.answer({"url": address})
        if "/preupload/" in self.path:
            paths = [file["path"] for file in json.loads(body)["files"]]
            return self.answer(
                {"files": [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in paths]}
            )
        return self.answer({"success": True, "commitOid": "0" * 40, "commitUrl": f"{address}/commit/{'0' * 40}"})

    def do_GET(self) -> None:
        self.answer({"id": "owner/name", "sha": "0" * 40, "siblings": []})

    def answer(self, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upload)
    server.requests = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_all_files_are_uploaded_to_a_private_repository(tmp_path: Path, server):
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / "model.onnx").write_bytes(b"\0" * 100)
    assert push(tmp_path, "owner/name").endswith("/owner/name")
    created, *_, committed = (request for request in server.requests if "validate" not in request[0])
    assert created[1] == "Bearer hf_secret"
    assert json.loads(created[2])["visibility"] == "private"
    lines = [json.loads(line) for line in committed[2].splitlines()]
    assert {line["value"]["path"] for line in lines if line["key"] == "file"} == {"README.md", "model.onnx"}


def test_public_makes_a_public_repository(tmp_path: Path, server):
    source, out = model_folder(tmp_path / "model"), tmp_path / "out"
    options = ["--to", "sentence-transformers", "--push-to-hub", "owner/name", "--public"]
    assert call(["export", str(source), str(out), *options]) == 0
    created = next(json.loads(body) for path, _, body in server.requests if path == "/api/repos/create")
    assert created.get("visibility", "public") == "public"
    assert not created.get("private", False)


def test_a_hub_that_cannot_be_reached_is_an_error(tmp_path: Path, server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    (tmp_path / "README.md").write_text("hello")
    with pytest.raises(SourceError):
        push(tmp_path, "owner/name")


def test_no_token_and_no_owner_are_refused_before_the_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = model_folder(tmp_path / "model")
    settings = ExportSettings(to="sentence-transformers", push_to_hub="owner/name")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    for wrong in (settings, replace(settings, push_to_hub="name")):
        with pytest.raises(UserError):
            export_folder(source, tmp_path / "out", wrong)
    assert not (tmp_path / "out").exists()
