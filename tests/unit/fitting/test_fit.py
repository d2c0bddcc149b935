import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny import build
from tests.unit.fitting.rows import ENGLISH, SWAHILI, labelled

import xstilts
from xstilts.errors import DataError, UserError
from xstilts.fitting import fit as fit_module
from xstilts.fitting.settings import parse_budget, parse_prior

NEW = {**SWAHILI, "politics": ["bunge lilipitisha sheria", "waziri alijiuzulu", "kura zilihesabiwa", "rais alihutubia"]}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build("xlm-roberta", tmp_path_factory.mktemp("encoder")))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))


def fit(encoder: str, **options: Any):
    rows = {"train": labelled(ENGLISH, 5), "shots": labelled(SWAHILI, 3)} | options
    return xstilts.fit(**{"language": "sw", "encoder": encoder, "budget": "0.001s", "offline": True} | rows)


def test_model_is_fitted_saved_and_loaded(encoder, tmp_path):
    model = fit(encoder, test=[{"text": "timu mpya ilishinda", "label": "sport"}])
    report = model.report
    assert model.labels == ("health", "sport")
    assert report.estimate.low <= report.estimate.score <= report.estimate.high
    assert sum(sum(row.values()) for row in report.confusion.values()) == 24
    assert report.test is not None
    assert [arm.selected for arm in report.arms].count(True) == 1
    texts = ["timu ilishinda mechi", "madaktari waonya"]
    folder = model.save(tmp_path / "model")
    loaded = xstilts.load_model(folder)
    assert loaded.predict(texts) == model.predict(texts)
    assert np.allclose(loaded.predict_proba(texts), model.predict_proba(texts), atol=1e-6)
    assert {"README.md", "report.html", "report.json", "xstilts.json", "modules.json"} <= {
        p.name for p in folder.iterdir()
    }
    assert json.loads((folder / "report.json").read_text())["estimate"]["score"] == report.estimate.score


def test_training_texts_are_their_own_nearest_rows(encoder):
    model = fit(encoder)
    [prediction] = model.predictions([SWAHILI["sport"][0]])
    row, similarity = prediction.nearest[0]
    assert model.training.texts[row] == SWAHILI["sport"][0]
    assert similarity == pytest.approx(1.0, abs=1e-3)


def test_a_class_of_the_language_alone_is_predicted(encoder):
    model = fit(encoder, shots=labelled(NEW, 3))
    assert model.labels == ("health", "politics", "sport")
    assert "politics" in model.predict([row["text"] for row in labelled(NEW, 3)])
    assert any("politics" in line for line in model.report.warnings)


def test_without_rows_of_the_language_nothing_is_claimed(encoder):
    report = fit(encoder, shots=None).report
    assert report.estimate is None
    assert "Swahili" in report.no_estimate
    assert [arm.estimate for arm in report.arms] == [None] * len(report.arms)
    assert report.arms[0].english is not None


def test_one_row_of_a_class_gives_no_estimate(encoder):
    report = fit(encoder, shots=[*labelled(SWAHILI), {"text": "bunge la taifa", "label": "politics"}]).report
    assert report.estimate is None
    assert "fewer than two" in report.no_estimate


def test_without_english_rows(encoder):
    model = fit(encoder, train=None)
    assert model.report.estimate is not None
    assert {count.role for count in model.report.data} == {"shots"}


def test_multi_label(encoder):
    def both(rows):
        return [
            {**row, "label": [row["label"], "news"] if number % 2 else [row["label"]]}
            for number, row in enumerate(rows)
        ]

    model = fit(encoder, train=both(labelled(ENGLISH, 5)), shots=both(labelled(SWAHILI, 3)), problem="multi-label")
    assert model.labels == ("health", "news", "sport")
    assert model.report.metric == "micro_f1"
    assert all(isinstance(labels, list) for labels in model.predict(["timu ilishinda mechi"]))


def test_pairs(encoder):
    def paired(rows):
        return [{"premise": row["text"], "hypothesis": row["label"], "label": "yes"} for row in rows] + [
            {"premise": row["text"], "hypothesis": "opera", "label": "no"} for row in rows
        ]

    model = fit(encoder, train=paired(labelled(ENGLISH, 3)), shots=paired(labelled(SWAHILI, 2)))
    assert model.facts.reads_pairs
    assert model.predict([("timu ilishinda", "sport")])[0] in ("no", "yes")
    with pytest.raises(DataError):
        model.predict(["timu ilishinda"])


def test_subwords_are_written_and_can_be_left_out(encoder, tmp_path):
    texts = ["timu ilishinda", "DAKTARI wa hospitali"]
    model = fit(encoder)
    model.save(tmp_path / "with")
    assert (tmp_path / "with" / "subwords.npz").is_file()
    np.testing.assert_array_equal(xstilts.load_model(tmp_path / "with").logits(texts), model.logits(texts))
    assert "subwords.npz" in (tmp_path / "with" / "README.md").read_text(encoding="utf-8")
    fit(encoder, subwords=False).save(tmp_path / "without")
    assert not (tmp_path / "without" / "subwords.npz").exists()
    (tmp_path / "with" / "subwords.npz").unlink()
    with pytest.raises(DataError):
        xstilts.load_model(tmp_path / "with")


def test_a_second_fit_encodes_nothing_again(encoder, monkeypatch):
    first = fit(encoder)
    monkeypatch.setattr(fit_module.StateEncoder, "_encode", None)
    assert np.array_equal(fit(encoder).weight, first.weight)


def test_an_interrupt_keeps_what_was_tried(encoder):
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if line.startswith("frozen encoder, logistic regression, balanced"):
            raise KeyboardInterrupt

    model = fit(encoder, budget="1h", say=say)
    assert any("interrupted" in line for line in lines)
    assert len([arm for arm in model.report.arms if arm.kind != "trivial"]) == 2


def test_budget_of_a_second_tries_one_arm(encoder):
    report = fit(encoder).report
    assert len([arm for arm in report.arms if arm.kind != "trivial"]) == 1
    assert any("not tried" in line for line in report.left_out)


def test_encoder_is_fine_tuned_where_time_allows(encoder):
    report = fit(encoder, budget="10m").report
    tuned = [arm for arm in report.arms if arm.kind == "encoder"]
    assert tuned
    assert tuned[0].estimate is not None


def test_fine_tuning_stops_at_the_budget(encoder, monkeypatch):
    monkeypatch.setattr(fit_module.TuneCost, "seconds", lambda self, texts: 0.0)
    train = fit_module.tuned_encoder
    monkeypatch.setattr(fit_module, "tuned_encoder", lambda *args, **options: train(*args, **options | {"stop": 0.0}))
    report = fit(encoder, budget="10m").report
    assert not [arm for arm in report.arms if arm.kind == "encoder"]
    assert any("stopped" in line for line in report.left_out)


def test_prior_changes_the_estimate(encoder):
    equal, other = (fit(encoder, prior=prior).report.estimate for prior in ({}, {"sport": 0.95, "health": 0.05}))
    assert equal != other
    with pytest.raises(UserError, match="prior"):
        fit(encoder, prior={"opera": 1.0})


def test_unlabelled_texts_are_tried(encoder, monkeypatch):
    monkeypatch.setattr(fit_module.TuneCost, "seconds", lambda self, texts: 1e9)
    report = fit(encoder, budget="1h", unlabelled=[f"habari {number}" for number in range(30)]).report
    assert any(arm.kind == "unlabelled" for arm in report.arms)


@pytest.mark.parametrize(
    "options",
    [
        {"language": "klingonx"},
        {"train": None, "shots": None},
        {"encoder": "no-such"},
        {"precision": 2.0},
        {"budget": "x"},
    ],
    ids=["language", "rows", "encoder", "precision", "budget"],
)
def test_bad_settings_are_refused(encoder, options):
    with pytest.raises(UserError):
        fit(options.pop("encoder", encoder), **options)


@pytest.mark.parametrize(("value", "seconds"), [("90s", 90), ("5m", 300), ("1h", 3600), (30, 30), ("1.5m", 90)])
def test_budgets(value, seconds):
    assert parse_budget(value) == seconds


def test_priors():
    assert parse_prior("a=0.2,b=0.8") == {"a": 0.2, "b": 0.8}
    assert parse_prior("") == {}
    for value in ("a", "a=x", "a=0.2", "a=-1,b=2"):
        with pytest.raises(UserError):
            parse_prior(value)


def test_report_of_a_replaced_model_is_kept(encoder, tmp_path):
    model = fit(encoder)
    again = xstilts.load_model(model.save(tmp_path / "one"))
    assert replace(again).save(tmp_path / "two").is_dir()
    assert (tmp_path / "one" / "report.html").read_text() == (tmp_path / "two" / "report.html").read_text()


@pytest.mark.parametrize("problem", ["classification", "multi-label"])
def test_a_class_that_only_the_test_file_has_counts_as_wrong(encoder, problem):
    rows = [{"text": "timu mpya ilishinda", "label": "sport"}, {"text": "wodi mpya", "label": "health"}]
    new = [{"text": f"bunge {number}", "label": "politics"} for number in range(8)]
    without, with_new = (fit(encoder, test=test, problem=problem).report for test in (rows, rows + new))
    assert with_new.test.score < without.test.score
    assert any("politics" in line for line in with_new.warnings)
