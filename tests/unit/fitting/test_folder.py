import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests import tiny
from tests.unit.fitting import reports

from xstilts.errors import DataError
from xstilts.fitting.facts import ModelFacts, Windows
from xstilts.fitting.model import FittedModel, load_model
from xstilts.fitting.page import report_page
from xstilts.fitting.report import FitReport
from xstilts.fitting.states import StateEncoder
from xstilts.fitting.training_rows import training_rows
from xstilts.models.heads import load_text_encoder, load_tokenizer


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> FittedModel:
    folder = tiny.build("xlm-roberta", tmp_path_factory.mktemp("encoder"))
    encoder = load_text_encoder(folder).eval()
    windows = Windows(tokens=16, overlap=4)
    states = StateEncoder(
        encoder=encoder, tokenizer=load_tokenizer(folder), pooling="mean", windows=windows, precision="fp32"
    )
    texts = ["turn on the light", "what is the weather like today"]
    vectors, _ = states.vectors([(text, None) for text in texts])
    facts = ModelFacts(
        problem="classification",
        labels=("light", "weather"),
        columns={"text": "text"},
        language="sw",
        encoder="tiny",
        encoder_pin="0",
        licence=None,
        pooling="mean",
        windows=windows,
        arm="both",
        command="xstilts fit",
        version="0.1.0",
    )
    return FittedModel(
        facts=facts,
        states=states,
        weight=torch.eye(2, 32),
        bias=torch.zeros(2),
        training=training_rows(texts, ["light", "weather"], ["en", "en"], vectors, "sw"),
    )


def test_a_report_is_written_as_values_page_and_card(model: FittedModel, tmp_path: Path):
    report = reports.swahili()
    folder = replace(model, report=report).save(tmp_path / "model")
    assert FitReport.model_validate(json.loads((folder / "report.json").read_text(encoding="utf-8"))) == report
    assert (folder / "report.html").read_text(encoding="utf-8") == report_page(report)
    assert (folder / "README.md").read_text(encoding="utf-8").startswith("---\nlicense: other")


def test_a_loaded_model_writes_the_same_report(model: FittedModel, tmp_path: Path):
    first = replace(model, report=reports.hostile()).save(tmp_path / "first")
    second = load_model(first).save(tmp_path / "second")
    for name in ("report.json", "report.html", "README.md"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_without_a_report_there_is_no_page(model: FittedModel, tmp_path: Path):
    folder = model.save(tmp_path / "model")
    assert not {"report.json", "report.html", "README.md"} & {path.name for path in folder.iterdir()}


def test_a_damaged_report_is_told_and_leaves_no_folder(model: FittedModel, tmp_path: Path):
    with pytest.raises(DataError):
        replace(model, report={"title": "x"}).save(tmp_path / "model")
    assert not (tmp_path / "model").exists()
