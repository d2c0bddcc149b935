import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from tests.unit.fitting import reports

from xstilts.fitting.card import model_card
from xstilts.fitting.facts import Calibration, ModelFacts
from xstilts.fitting.report import FitReport

FACTS = ModelFacts(
    problem="classification",
    labels=("health", "politics", "sport"),
    columns={"text": "headline"},
    language="sw",
    encoder="e5-small",
    encoder_pin="0",
    licence="MIT",
    pooling="mean",
    calibration=Calibration(temperature=0.71),
    arm="both",
    command=reports.COMMAND,
    version="0.1.0",
)


def front_matter(card: str) -> dict[str, Any]:
    block = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    assert block is not None
    return yaml.safe_load(block[1])


@pytest.mark.parametrize("make", reports.ALL)
def test_the_hub_reads_the_front_matter(make: Callable[[], FitReport]):
    report = make()
    card = ModelCard(model_card(report, FACTS))
    scores = [estimate.score for estimate in (report.estimate, report.test) if estimate]
    assert [result.metric_value for result in card.data.eval_results or ()] == scores
    assert card.data.license == "other"


def test_the_front_matter_has_what_the_hub_shows():
    metadata = front_matter(model_card(reports.swahili(), FACTS))
    assert metadata["language"] == ["sw", "en"]
    assert metadata["library_name"] == "sentence-transformers"
    assert metadata["pipeline_tag"] == "text-classification"
    assert metadata["base_model"] == "intfloat/multilingual-e5-small"
    cross_validated, test = metadata["model-index"][0]["results"]
    assert cross_validated["dataset"]["split"] == "cross-validation"
    assert cross_validated["metrics"][0] == {
        "type": "f1",
        "name": "macro F1, 95% interval 0.660 to 0.780",
        "value": 0.72,
        "args": {"average": "macro", "interval": [0.66, 0.78]},
    }
    assert test["dataset"]["split"] == "test"


def test_the_licence_is_a_placeholder_with_that_of_the_encoder_beside_it():
    assert re.match(r"---\nlicense: other +# .*licence of the encoder: MIT\n", model_card(reports.swahili(), FACTS))


def test_a_language_whose_code_is_a_yaml_word_stays_text():
    assert (
        front_matter(model_card(reports.swahili(), FACTS.model_copy(update={"language": "no"})))["language"][0] == "no"
    )


def test_an_encoder_in_a_folder_is_no_base_model():
    metadata = front_matter(model_card(reports.swahili(), FACTS.model_copy(update={"encoder": "/nowhere/encoder"})))
    assert "base_model" not in metadata


def test_the_card_has_scores_but_no_texts():
    report = reports.swahili()
    card = model_card(report, FACTS)
    for value in (
        "72 (66 to 78)",
        "17 (15 to 19)",
        "| health | 21 | 62.3 | 54.3 | 58.3 | 38.7 to 77.9 |",
        "| health | 300 | 21 | 12 |  |",
        "3.1 points (95% interval 1.8 to 7.4)",
        "81% of the texts, 91% of them right",
        "T = 0.7100",
        "xstilts predict model new.csv",
        report.command,
        report.warnings[0],
    ):
        assert value in card
    for row in (*report.wrong, *report.suspicious):
        assert row.text not in card
        assert all(near.text not in card for near in row.nearest)


def test_without_an_estimate_the_card_has_the_reason():
    card = model_card(reports.no_estimate(), FACTS)
    assert "model-index" not in front_matter(card)
    assert reports.no_estimate().no_estimate in card


def test_use_fits_the_problem():
    pairs = FACTS.model_copy(update={"columns": {"text": "premise", "pair": "hypothesis"}})
    card = model_card(reports.hindi(), pairs)
    assert '.predict([("first text", "second text")])' in card
    assert "`premise` and `hypothesis`" in card
    assert "softmax" in card
    multi = model_card(reports.multi_label(), FACTS.model_copy(update={"problem": "multi-label"}))
    assert "sigmoid" in multi
    assert "never abstains" in multi


def test_labels_and_names_are_not_markup():
    facts = FACTS.model_copy(update={"labels": (reports.HOSTILE, "b"), "licence": f"x\ny: {reports.HOSTILE}"})
    card = model_card(reports.hostile(), facts)
    body = re.sub(r"^(`{3,}).*?^\1$", "", card.partition("\n---\n")[2], flags=re.MULTILINE | re.DOTALL)
    assert "<script" not in body
    assert "<img" not in body
    assert all(line.isprintable() for line in card.splitlines())
    tables = [line for line in body.splitlines() if line.startswith("| yyy")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in tables] == [3, 7]
