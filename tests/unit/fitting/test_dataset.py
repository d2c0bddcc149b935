from typing import Any

import pytest
from tests.unit.fitting.rows import ENGLISH, SWAHILI, labelled

from xstilts.errors import DataError, RowsError
from xstilts.fitting.columns import Columns
from xstilts.fitting.dataset import Dataset, build_dataset
from xstilts.fitting.inputs import Input
from xstilts.fitting.languages import find_language

COLUMNS = Columns(problem="classification", columns={"text": "text", "label": "label"}, guessed=())
ONE_MORE = {"text": "bunge lilipitisha sheria", "label": "politics"}


def table(rows: list[dict[str, Any]], name: str = "a.csv") -> Input:
    return Input(name=name, rows=list(enumerate(rows, start=2)))


def build(
    english: list[dict[str, Any]] | None = None,
    shots: list[dict[str, Any]] | None = None,
    test: list[dict[str, Any]] | None = None,
    columns: Columns = COLUMNS,
    **options: Any,
) -> Dataset:
    tables = [
        None if rows is None else table(rows, name) for rows, name in ((english, "en"), (shots, "sw"), (test, "t"))
    ]
    return build_dataset(*tables, options.pop("unlabelled", None), columns, find_language("sw"), **options)


def test_classes_of_both_sides_are_kept_and_told():
    data = build([*labelled(ENGLISH), {"text": "a film", "label": "culture"}], [*labelled(SWAHILI), ONE_MORE])
    assert data.labels == ("culture", "health", "politics", "sport")
    assert data.only_shots == ("politics",)
    assert data.only_english == ("culture",)
    assert any("politics" in line for line in data.warnings)
    assert any("culture" in line for line in data.warnings)


def test_english_classes_can_be_dropped():
    rows = [*labelled(ENGLISH), {"text": "a film", "label": "culture"}]
    data = build(rows, labelled(SWAHILI), drop_english_only=True)
    assert data.labels == ("health", "sport")
    assert len(data.english) == len(rows) - 1
    assert any("culture" in line for line in data.left_out)


def test_other_spellings_of_labels_are_english_ones():
    rows = [{**row, "label": row["label"].upper()} for row in labelled(SWAHILI)]
    data = build(labelled(ENGLISH), rows)
    assert data.labels == ("health", "sport")
    assert any("'SPORT'" in line for line in data.left_out)


def test_disjoint_labels_are_refused():
    with pytest.raises(DataError, match="no label"):
        build(labelled(ENGLISH), labelled({"michezo": SWAHILI["sport"], "afya": SWAHILI["health"]}))


def test_rows_without_a_label_are_counted():
    data = build(labelled(ENGLISH), [*labelled(SWAHILI), {"text": "bila lebo", "label": ""}])
    assert len(data.shots) == 8
    assert "sw: 1 row left out without a label" in data.left_out


def test_mostly_unusable_rows_are_refused():
    with pytest.raises(RowsError):
        build(labelled(ENGLISH), [{"text": "", "label": "sport"}] * 3 + labelled(SWAHILI)[:1])


def test_repeated_rows_are_left_out_and_contradictions_kept():
    twice = labelled(SWAHILI)[0]
    data = build(labelled(ENGLISH), [*labelled(SWAHILI), twice, {**twice, "label": "health"}])
    assert len(data.shots) == 9
    assert data.shots.places[-1] == "sw:11"
    assert any("1 row left out that repeat" in line for line in data.left_out)
    assert any("1 text with several labels" in line for line in data.left_out)


def test_test_rows_are_no_training_rows():
    rows = labelled(SWAHILI)
    data = build(labelled(ENGLISH), rows[:6], rows)
    assert [example.id for example in data.test.examples] == ["6", "7"]
    with pytest.raises(DataError, match="training rows too"):
        build(labelled(ENGLISH), rows, rows)


def test_one_class_is_refused():
    with pytest.raises(DataError, match="one class"):
        build(labelled({"sport": ENGLISH["sport"]}), None)


def test_texts_in_another_script_are_told():
    rows = [{"text": "команда выиграла матч", "label": "sport"}, {"text": "врачи открыли больницу", "label": "health"}]
    assert any("script" in line for line in build(labelled(ENGLISH), rows).warnings)
    assert not build(labelled(ENGLISH), labelled(SWAHILI)).warnings


def test_multi_label_rows_may_have_no_label():
    columns = Columns(problem="multi-label", columns={"text": "text", "label": "label"}, guessed=())
    rows = [{"text": "a b", "label": ["x", "y"]}, {"text": "c d", "label": []}, {"text": "e f", "label": ["x"]}]
    data = build(rows, None, columns=columns)
    assert data.labels == ("x", "y")
    assert [example.classes for example in data.english.examples] == [("x", "y"), (), ("x",)]


def test_rows_that_label_chose_are_told():
    chosen = [row | {"predicted": "sport", "probability": 0.4, "reason": "uncertain"} for row in labelled(SWAHILI, 3)]
    assert any("xstilts label" in warning for warning in build(labelled(ENGLISH, 3), chosen).warnings)
    assert not any("xstilts label" in warning for warning in build(labelled(ENGLISH, 3), labelled(SWAHILI, 3)).warnings)


def test_classes_of_one_group_are_told():
    columns = Columns(
        problem="classification", columns={"text": "text", "label": "label", "group": "article"}, guessed=()
    )
    rows = [row | {"article": row["label"] if row["label"] == "sport" else row["text"]} for row in labelled(SWAHILI, 3)]
    english = [row | {"article": row["text"]} for row in labelled(ENGLISH, 3)]
    warnings = build(english, rows, columns=columns).warnings
    assert [warning for warning in warnings if "one group" in warning and "sport" in warning]
