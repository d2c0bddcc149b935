import pytest

from xstilts.errors import DataError
from xstilts.fitting.columns import find_columns
from xstilts.fitting.inputs import Input

HEADLINES = ["the team won the final match", "doctors warn of a new virus", "a law was passed by parliament"] * 4


def table(**columns: list[object]) -> Input:
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return Input(name="a.csv", rows=list(enumerate(rows, start=2)))


def test_usual_names_are_found():
    found = find_columns(table(id=[*range(12)], Headline=HEADLINES, Category=["a", "b", "a"] * 4), {}, None)
    assert found.columns == {"text": "Headline", "label": "Category"}
    assert found.guessed == ("text", "label", "problem")


def test_unusual_names_are_found_by_content():
    found = find_columns(table(nr=[f"x{n}" for n in range(12)], kichwa=HEADLINES, aina=["a", "b", "a"] * 4), {}, None)
    assert found.columns == {"text": "kichwa", "label": "aina"}


def test_named_columns_are_taken():
    found = find_columns(table(text=HEADLINES, other=HEADLINES, label=["a"] * 12), {"text": "other"}, None)
    assert found.columns == {"text": "other", "label": "label"}
    assert "text" not in found.guessed


def test_pairs_are_found():
    found = find_columns(table(premise=HEADLINES, hypothesis=HEADLINES, label=["a", "b", "a"] * 4), {}, None)
    assert found.columns == {"text": "premise", "pair": "hypothesis", "label": "label"}


def test_lists_of_labels_are_multi_label():
    found = find_columns(table(text=HEADLINES, label=["['a', 'b']", "['a']", "[]"] * 4), {}, None)
    assert found.problem == "multi-label"


def test_lists_of_one_label_are_classes():
    assert find_columns(table(text=HEADLINES, label=[["a"], ["b"], ["a"]] * 4), {}, None).problem == "classification"


@pytest.mark.parametrize(
    ("columns", "given"),
    [
        ({"a": HEADLINES, "b": HEADLINES, "label": ["x"] * 12}, {}),
        ({"text": HEADLINES, "u": ["x", "y", "x"] * 4, "v": ["x", "y", "x"] * 4}, {}),
        ({"text": HEADLINES, "label": ["x"] * 12}, {"text": "txt"}),
        ({"text": HEADLINES, "label": ["x"] * 12}, {"text": "label", "label": "label"}),
        ({"tokens": HEADLINES, "ner_tags": HEADLINES}, {}),
    ],
    ids=["two texts", "two labels", "missing", "twice", "tagging"],
)
def test_doubtful_columns_are_refused(columns, given):
    with pytest.raises(DataError, match=r"a\.csv"):
        find_columns(table(**columns), given, None)
