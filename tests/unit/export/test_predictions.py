import io
from pathlib import Path

import pytest

from xstilts.errors import DataError, UserError
from xstilts.export.predictions import to_examples, write_rows
from xstilts.problems import PROBLEMS, Choice, Labelled, ProblemName, Tagged
from xstilts.problems.cells import FileRow, text_group

COMMON = {"id": "1", "language": "und"}


FILE = Path("rows.csv")


def test_examples_of_each_problem():
    assert to_examples([(1, {"text": "a"})], "classification", FILE) == [
        Labelled(**COMMON, group=text_group("a"), text="a", pair=None, label=None)
    ]
    assert to_examples([(1, {"text": "a", "pair": "b", "label": "c"})], "classification", FILE) == [
        Labelled(**COMMON, group=text_group("a"), text="a", pair="b", label=None)
    ]
    assert to_examples([(1, {"prompt": "a", "choices": '["b", "c"]'})], "choice", FILE) == [
        Choice(**COMMON, group=text_group("a"), prompt="a", choices=("b", "c"), answer=None)
    ]
    assert to_examples([(1, {"words": "turn it on"})], "tagging", FILE) == [
        Tagged(**COMMON, group=text_group("turn it on"), words=("turn", "it", "on"), tags=None)
    ]


@pytest.mark.parametrize(
    "problem", [name for name, kind in PROBLEMS.items() if kind.is_trained and not kind.has_images]
)
def test_training_rows_can_be_predicted_without_their_label(problem: ProblemName):
    """By the columns of the recipe, of which those of the label and the id may be missing."""
    cells = {
        "text": "a b",
        "prompt": "a",
        "choices": ["b", "c"],
        "question": "what?",
        "context": "a b",
        "words": ["a", "b"],
    }
    kind = PROBLEMS[problem]
    columns = {field: f"my {field}" for field in (*kind.columns, *kind.label_columns, "id", "group")}
    row = {columns[field]: cells[field] for field in kind.columns}
    [example] = to_examples([(1, row)], problem, FILE, columns)
    assert isinstance(example, kind.example)
    assert (example.id, example.target) == ("1", None)
    with pytest.raises(DataError, match=r"rows\.csv:1"):
        to_examples([(1, {field: cells[field] for field in kind.columns})], problem, FILE, columns)


def test_all_invalid_rows_are_listed_at_once():
    rows = [(2, {"text": "a"}), (3, {"text": " "}), (5, {"txt": "a"}), *((n, {"text": ""}) for n in range(6, 16))]
    with pytest.raises(DataError) as caught:
        to_examples(rows, "classification", FILE)
    first, *lines = caught.value.message.splitlines()
    assert first.startswith("12 of 13 ")
    assert [line.split(": ")[0].strip() for line in lines[:-1]] == [
        f"rows.csv:{n}" for n in (3, 5, 6, 7, 8, 9, 10, 11, 12, 13)
    ]
    with pytest.raises(DataError) as of_training:
        PROBLEMS["classification"].read(FileRow(FILE, 3, {"text": " "}, {"text": "text"}), "train-3", "en")
    assert lines[0].strip() == of_training.value.message


@pytest.mark.parametrize("problem", ["retrieval", "mining", "image-text", "image-retrieval"])
def test_problems_without_a_head_for_texts_are_refused(problem: ProblemName):
    with pytest.raises(UserError, match=problem):
        to_examples([(1, {"text": "a"})], problem, FILE)


def test_rows_are_written_as_csv_or_lines():
    rows = [{"text": "a,b", "predicted": ["O", "B-x"]}]
    table, lines = io.StringIO(), io.StringIO()
    write_rows(rows, table, "predicted", lines=False)
    write_rows(rows, lines, "predicted", lines=True)
    assert table.getvalue() == 'text,predicted\n"a,b","[""O"", ""B-x""]"\n'
    assert lines.getvalue() == '{"text": "a,b", "predicted": ["O", "B-x"]}\n'


def test_values_stand_under_their_keys_whatever_their_order():
    rows = [
        {"id": "1", "text": "a", "predicted": "x"},
        {"text": "b", "id": "2", "source": "sms", "predicted": "y"},
        {"text": "c", "predicted": "z"},
    ]
    table = io.StringIO()
    write_rows(rows, table, "predicted", lines=False)
    assert table.getvalue().splitlines() == ["id,text,source,predicted", "1,a,,x", "2,b,sms,y", ",c,,z"]


def test_a_model_of_pairs_needs_both_texts():
    rows = [(2, {"text": "a", "hypothesis": "b"}), (3, {"text": "a", "pair": ""}), (4, {"text": "a", "pair": "c"})]
    with pytest.raises(DataError) as error:
        to_examples(rows, "classification", FILE, reads_pairs=True)
    assert "rows.csv:2" in error.value.message and "rows.csv:3" in error.value.message
    assert "rows.csv:4" not in error.value.message
