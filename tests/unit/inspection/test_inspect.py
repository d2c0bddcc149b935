"""What is found in the files of a recipe's own tasks before anything is trained."""

import pytest

from xstilts.config.recipe import Recipe
from xstilts.inspection.finding import InspectionError, require_no_errors
from xstilts.inspection.inspect import inspect
from xstilts.recipe.validate_files import load_tasks

EN = ["good,positive", "bad,negative", "fine,positive", "poor,negative"]
FEWSHOT = {"shots": [2], "draws": 1}


@pytest.fixture
def findings(tmp_path, monkeypatch):
    """(code, severity, language, split) of a sentiment task; files are rows by `language-split`."""

    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))

    def run(files, *, target=None, fewshot=None, columns=None, header="text,label", **settings):
        by_language = {}
        for name, rows in files.items():
            language, split = name.split("-", 1)
            (tmp_path / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n")
            by_language.setdefault(language, {})[split] = f"{name}.csv"
        columns = columns or {"text": "text", "label": "label"}
        task = {"problem": "classification", "files": by_language, "columns": columns} | settings
        recipe = Recipe(name="r", tasks={"mine": task}, targets={"mine": target or {}}, fewshot=fewshot)
        tasks, issues = load_tasks(recipe, tmp_path, None)
        assert not issues
        run.all = inspect(recipe, tasks, tmp_path / "cache")
        return [(f.code, f.severity, f.language, f.split) for f in run.all]

    return run


def base(**files):
    return {"en-train": EN, "en-test": ["nice,positive", "ugly,negative"]} | {
        name.replace("_", "-"): rows for name, rows in files.items()
    }


def test_good_files_have_no_findings(findings):
    assert findings(base(sw_test=["nzuri,positive", "mbaya,negative"])) == []


@pytest.mark.parametrize("spelled", ["Positive", "positive\u200f", "ｐｏｓｉｔｉｖｅ", "positive.", "1.0"])
def test_labels_that_differ_in_spelling_alone_are_errors(findings, spelled):
    found = findings(base(sw_test=[f"nzuri,{spelled}", "mbaya,negative"]))
    kind = ("new-labels", "warning") if spelled in ("positive.", "1.0") else ("label-spelling", "error")
    assert (*kind, "sw", "test") in found
    files = base(sw_test=[f"nzuri,{spelled}", "mbaya,negative"])
    assert findings(files, labels={"map": {spelled: "positive"}}) == []


def test_normalised_labels_agree(findings):
    files = {"en-train": ["a,1", "b,0"], "en-test": ["c,1", "d,0"], "sw-test": ["e,1.0", "f,0.0"]}
    assert {code for code, *_ in findings(files)} == {"label-spelling"}
    assert findings(files, labels={"normalise": True}) == []


def test_variants_within_the_training_data_are_an_error(findings):
    assert ("label-spelling", "error", "en", "train") in findings(base(en_train=[*EN, "great,Positive"]))


def test_a_new_class_is_a_warning_and_no_common_class_an_error(findings):
    assert findings(base(sw_test=["nzuri,positive", "sawa,neutral"])) == [
        ("new-labels", "warning", "sw", "test"),
        ("absent-labels", "warning", "sw", "test"),
    ]
    assert findings(base(sw_test=["nzuri,chanya", "mbaya,hasi"])) == [("different-labels", "error", "sw", "test")]


def test_one_class_only_is_an_error(findings):
    assert ("one-label", "error", "en", "train") in findings({"en-train": EN[:1], "en-test": ["x,positive"]})


def test_shots_that_are_not_there_are_counted(findings):
    pool = ["nzuri,positive", "mbaya,negative", "vizuri,positive", "sawa,neutral"]
    files = base(sw_test=["njema,positive", "duni,negative"], sw_train=pool)
    assert findings(files, fewshot=FEWSHOT) == [
        ("learnt-labels", "warning", "sw", "train"),
        ("too-few-shots", "warning", "sw", "train"),
    ]
    assert "'negative' 1, 'neutral' 1" in " ".join(map(str, findings.all))


def test_a_new_class_is_learnt_from_shots_if_there_are_some(findings):
    files = base(
        sw_test=["nzuri,positive", "mbaya,negative", "sawa,neutral", "hapana,other"],
        sw_train=["vizuri,positive", "duni,negative", "wastani,neutral"],
    )
    one = FEWSHOT | {"shots": [1], "methods": ["full", "lda"]}
    assert findings(files, fewshot=one) == [
        ("new-labels", "warning", "sw", "test"),
        ("learnt-labels", "warning", "sw", "train"),
        ("new-labels", "warning", "sw", "test"),
    ]
    learnt, unlearnt = findings.all[1:]
    assert "'neutral' (1)" in learnt.message and "full, lda" in learnt.message
    assert "'other' (1)" in unlearnt.message and "full, lda" in unlearnt.message


def test_a_new_label_of_several_labels_is_not_learnt(findings):
    train = ["a,positive|food", "b,negative", "c,food", "d,positive"]
    files = {
        "en-train": train,
        "en-test": train[:1],
        "sw-test": ["e,positive"],
        "sw-train": ["f,neutral", "g,positive"],
    }
    files["en-test"] = ["h,positive|food"]
    columns = {"text": "text", "labels": "label"}
    codes = findings(files, fewshot=FEWSHOT | {"shots": [1]}, columns=columns, problem="multi-label")
    assert ("new-labels", "warning", "sw", "train") in codes
    assert "learnt-labels" not in {code for code, *_ in codes}


def test_rows_in_two_splits_are_errors_unless_dropped(findings):
    files = base(
        en_train=[*EN, "nice,positive"], sw_test=["nzuri,positive", "mbaya,negative"], sw_train=["mbaya,negative"]
    )
    assert findings(files) == [
        ("absent-labels", "warning", "sw", "train"),
        ("duplicates", "error", "en", "train"),
        ("duplicates", "warning", "sw", "train"),
    ]
    assert "en-train.csv:6 = en-test.csv:2" in " ".join(map(str, findings.all))
    dropped = findings(files, duplicates="drop-train")
    assert dropped == [("repaired", "warning", "en", "train"), ("repaired", "warning", "sw", "train")]
    assert "1 row" in " ".join(map(str, findings.all))


def test_a_shared_group_in_another_language_counts(findings):
    files = {
        "en-train": ["a,positive,1", "b,negative,2"],
        "en-test": ["c,positive,3", "d,negative,4"],
        "sw-test": ["e,positive,1", "f,negative,5"],
    }
    columns = {"text": "text", "label": "label", "group": "group"}
    assert findings(files, header="text,label,group", columns=columns) == [("duplicates", "error", "en", "train")]


def test_all_errors_of_all_files_are_reported_together(findings):
    files = base(en_dev=["x,"], sw_test=[",positive", "y,negative", ",negative"])
    assert findings(files) == [("invalid-row", "error", "en", "dev"), ("invalid-row", "error", "sw", "test")]
    with pytest.raises(InspectionError) as error:
        require_no_errors(findings.all)
    assert len(error.value.findings) == 2
    assert "sw-test.csv:2" in str(error.value) and "1 row more" in str(error.value)


def test_a_scored_split_needs_labels_and_rows(findings):
    assert ("no-examples", "error", "sw", "test") in findings(base(sw_test=[]))


def test_a_length_beyond_the_positions_of_the_encoder_is_an_error(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert", "max_position_embeddings": 64}')
    targets = {"intent": {"train": {"max_length": 65}}}
    recipe = Recipe(name="r", encoder=str(tmp_path), targets=targets, fewshot={"train": {"max_length": 64}})
    (finding,) = [f for f in inspect(recipe, {}, tmp_path) if "intent" in f.message]
    assert (finding.code, finding.severity) == ("too-long", "error")


def test_translations_have_the_items_of_the_original(findings):
    scored = ["nzuri,positive", "mbaya,negative"]
    files = base(sw_test=scored) | {"sw-test-mt": ["nice one,positive", "bad one,negative"]}
    assert findings(files) == []
    assert findings(files | {"sw-test-mt": ["nice one,positive"]}) == [
        ("absent-labels", "warning", "sw", "test-mt"),
        ("unpaired-translations", "error", "sw", "test-mt"),
    ]
