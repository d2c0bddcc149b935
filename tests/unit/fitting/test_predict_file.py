import io
import json
from pathlib import Path

import pytest
import torch
from tests.tiny import build

from xstilts.errors import DataError, UserError
from xstilts.fitting.facts import Calibration, ModelFacts, Windows
from xstilts.fitting.model import FittedModel
from xstilts.fitting.predict_file import Counts, predicted_rows, write_stream
from xstilts.fitting.states import StateEncoder
from xstilts.fitting.training_rows import training_rows
from xstilts.models.heads import load_text_encoder, load_tokenizer


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> FittedModel:
    folder = build("xlm-roberta", tmp_path_factory.mktemp("encoder"))
    states = StateEncoder(
        encoder=load_text_encoder(folder).eval(),
        tokenizer=load_tokenizer(folder),
        pooling="mean",
        windows=Windows(tokens=32, overlap=8),
        precision="fp32",
    )
    facts = ModelFacts(
        problem="classification",
        labels=("a", "b"),
        columns={"text": "headline", "label": "category"},
        language="sw",
        encoder="tiny",
        encoder_pin="x",
        licence=None,
        pooling="mean",
        arm="",
        command="",
        version="0",
        calibration=Calibration(least_probability=1.1, least_similarity=1.5),
    )
    weight = torch.randn(2, states.width, generator=torch.Generator().manual_seed(0))
    vectors = states.vectors([("turn on the light", None)])[0]
    rows = training_rows(["turn on the light"], ["a"], ["en"], vectors, "sw")
    return FittedModel(facts=facts, states=states, weight=weight, bias=torch.zeros(2), training=rows)


def predict(model: FittedModel, *rows: dict[str, object], **options):
    counts = Counts()
    return list(predicted_rows(model, enumerate(rows, start=2), "new.csv", counts=counts, **options)), counts


def test_columns_are_found_by_name(model):
    rows, counts = predict(model, {"id": 1, "note": "habari", "headline": "turn on the light"})
    assert list(rows[0]) == ["id", "note", "headline", "predicted", "probability", "abstained", "unlike_training"]
    assert rows[0]["predicted"] == model.predict(["turn on the light"])[0]
    assert rows[0]["abstained"] is True
    assert rows[0]["unlike_training"] is True
    assert (counts.rows, counts.abstained, counts.unlike_training) == (1, 1, 1)


def test_rows_without_a_text_are_counted(model):
    rows, counts = predict(model, {"headline": "a"}, {"headline": ""}, {"headline": None}, {"headline": "b"})
    assert [row["predicted"] is None for row in rows] == [False, True, True, False]
    assert counts.unusable == 2
    assert "new.csv:3" in next(counts.lines())


def test_other_files_are_refused(model):
    with pytest.raises(DataError, match="headline"):
        predict(model, {"text": "a"})
    with pytest.raises(UserError, match="predicted"):
        predict(model, {"headline": "a", "predicted": "x"})
    rows, _ = predict(model, {"text": "a"}, text="text", details=False)
    assert list(rows[0]) == ["text", "predicted"]


def test_rows_are_predicted_as_they_come(model):
    """A million rows do not fit into memory: no more than one chunk is read ahead."""
    read = 0

    def rows():
        nonlocal read
        while True:
            read += 1
            yield read, {"headline": f"turn on {read}"}

    stream = predicted_rows(model, rows(), "new.csv")
    for _ in range(1025):
        next(stream)
    assert read <= 2 * 1024


def test_values_are_written_by_name():
    rows = [{"b": "1", "a": ["x"], "predicted": "p"}, {"predicted": "q", "a": "y", "b": None}]
    text = io.StringIO()
    write_stream(rows, text, lines=False, added=["predicted"])
    assert text.getvalue().splitlines() == ["b,a,predicted", '1,"[""x""]",p', ",y,q"]
    lines = io.StringIO()
    write_stream(rows, lines, lines=True, added=["predicted"])
    assert [json.loads(line) for line in lines.getvalue().splitlines()] == rows
    with pytest.raises(DataError, match="'c'"):
        write_stream([*rows, {"c": 1}], io.StringIO(), lines=False, added=["predicted"])


def test_folder_is_named(tmp_path: Path):
    from xstilts.api.fit import load_model

    with pytest.raises(DataError, match=r"xstilts\.json"):
        load_model(tmp_path)
    (tmp_path / "xstilts.json").write_text("{}")
    with pytest.raises(DataError, match="cannot be read"):
        load_model(tmp_path)
    (tmp_path / "xstilts.json").write_text('{"format": 99}')
    with pytest.raises(DataError, match="newer"):
        load_model(tmp_path)
