import io
from pathlib import Path

import pytest

from xstilts.errors import DataError
from xstilts.examples import Choice, Labelled, Tagged
from xstilts.labelling import read_rows, to_examples, write_rows

COMMON = {"id": "1", "group": "1", "language": "und"}


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_of_each_format(tmp_path: Path):
    rows = [{"text": 'a, "b"', "pair": "c"}]
    assert read_rows(file(tmp_path, "a.csv", 'text,pair\n"a, ""b""",c\n')) == rows
    assert read_rows(file(tmp_path, "bom.csv", '\ufefftext,pair\n"a, ""b""",c\n')) == rows
    assert read_rows(file(tmp_path, "a.tsv", 'text\tpair\n"a, ""b"""\tc\n')) == rows
    assert read_rows(file(tmp_path, "a.jsonl", '{"text": "a, \\"b\\"", "pair": "c"}\n\n')) == rows


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "text,pair\na,b\na,b,c\n", "a.csv, row 2: 3 cells under 2 columns"),
        ("a.jsonl", '{"text": "a"}\n{"text": \n', "a.jsonl, row 2: Expecting value"),
        ("a.jsonl", "[1]\n", "a.jsonl, row 1: this is no JSON object"),
        ("a.xlsx", "", "neither .csv, .tsv nor .jsonl"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, name: str, text: str, says: str):
    with pytest.raises(DataError, match=says):
        read_rows(file(tmp_path, name, text))


def test_a_file_that_is_absent_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"absent\.csv cannot be read: No such file"):
        read_rows(tmp_path / "absent.csv")


def test_examples_of_each_problem():
    assert to_examples([{"text": "a", "pair": ""}], "classification", "f") == [
        Labelled(**COMMON, text="a", pair=None, label=None)
    ]
    assert to_examples([{"prompt": "a", "choices": '["b", "c"]'}], "choice", "f") == [
        Choice(**COMMON, prompt="a", choices=("b", "c"), answer=None)
    ]
    assert to_examples([{"words": "turn it on"}], "tagging", "f") == [
        Tagged(**COMMON, words=("turn", "it", "on"), tags=None)
    ]


def test_all_bad_rows_are_told_at_once():
    rows = [{"text": "a"}, {"text": " "}, {"txt": "a"}, {"text": 5}]
    with pytest.raises(DataError) as caught:
        to_examples(rows, "classification", "f.csv")
    assert caught.value.message.splitlines() == [
        "f.csv has bad rows:",
        "  row 2: 'text' is ' ', not a text",
        "  row 3: there is no 'text' among txt",
        "  row 4: 'text' is 5, not a text",
    ]


def test_rows_are_written_as_csv_or_lines():
    rows = [{"text": "a,b", "predicted": ["O", "B-x"]}]
    table, lines = io.StringIO(), io.StringIO()
    write_rows(rows, table, lines=False)
    write_rows(rows, lines, lines=True)
    assert table.getvalue() == 'text,predicted\n"a,b","[""O"", ""B-x""]"\n'
    assert lines.getvalue() == '{"text": "a,b", "predicted": ["O", "B-x"]}\n'
