import csv
from pathlib import Path

import pytest
import torch
from tests import tiny

import xstilts
from xstilts import cli
from xstilts.errors import DataError
from xstilts.fitting.facts import ModelFacts, Windows
from xstilts.fitting.model import FittedModel
from xstilts.fitting.states import StateEncoder
from xstilts.fitting.training_rows import training_rows
from xstilts.models.heads import load_text_encoder, load_tokenizer

POOL = ["turn on the light", "what is the weather", "kitchen light", "light today", "the kitchen today"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> FittedModel:
    folder = tiny.build("xlm-roberta", tmp_path_factory.mktemp("encoder"))
    windows = Windows(tokens=16, overlap=4)
    states = StateEncoder(
        encoder=load_text_encoder(folder).eval(),
        tokenizer=load_tokenizer(folder),
        pooling="mean",
        windows=windows,
        precision="fp32",
    )
    texts = ["turn on the light", "what is the weather like today"]
    vectors, _ = states.vectors([(text, None) for text in texts])
    facts = ModelFacts(
        problem="classification",
        labels=("light", "weather"),
        columns={"text": "text", "label": "topic"},
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
        training=training_rows(texts, ["light", "weather"], ["sw", "sw"], vectors, "sw"),
    )


def test_rows_have_a_prediction_a_reason_and_an_empty_label(model: FittedModel):
    found = xstilts.rows_to_label(model, POOL, 3)
    assert [list(row) for row in found.rows] == [["text", "predicted", "probability", "reason", "topic"]] * 3
    assert {row["topic"] for row in found.rows} == {""}
    assert [POOL[line - 1] for line in found.lines] == [row["text"] for row in found.rows]
    assert "turn on the light" not in {row["text"] for row in found.rows}
    assert (found.considered, len(found.left_out)) == (4, 1)
    assert found.rows[0]["reason"] == "may be light"


def test_the_command_writes_a_file_once(model: FittedModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder, pool, out = model.save(tmp_path / "model"), tmp_path / "pool.txt", tmp_path / "to-label.csv"
    pool.write_text("\n".join(POOL), encoding="utf-8")
    arguments = ["label", str(folder), str(pool), "--n", "2", "--out", str(out)]
    assert cli.call(arguments) == 0
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["topic"] for row in rows] == ["", ""]
    assert cli.call(arguments) == 2
    assert "it may hold labels" in capsys.readouterr().err


def test_a_pool_without_enough_rows_is_refused(model: FittedModel):
    with pytest.raises(DataError, match="4 rows to label, fewer than 20"):
        xstilts.rows_to_label(model, POOL)
