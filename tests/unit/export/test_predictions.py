import io
from pathlib import Path

import pytest

from xstilts.errors import DataError
from xstilts.export.predictions import to_examples, write_rows
from xstilts.problems import Choice, Labelled, Tagged

COMMON = {"id": "1", "group": "1", "language": "und"}


FILE = Path("rows.csv")


def test_examples_of_each_problem():
    assert to_examples([(1, {"text": "a", "pair": ""})], "classification", FILE) == [
        Labelled(**COMMON, text="a", pair=None, label=None)
    ]
    assert to_examples([(1, {"prompt": "a", "choices": '["b", "c"]'})], "choice", FILE) == [
        Choice(**COMMON, prompt="a", choices=("b", "c"), answer=None)
    ]
    assert to_examples([(1, {"words": "turn it on"})], "tagging", FILE) == [
        Tagged(**COMMON, words=("turn", "it", "on"), tags=None)
    ]


def test_all_bad_rows_are_told_at_once():
    rows = [(2, {"text": "a"}), (3, {"text": " "}), (5, {"txt": "a"}), (6, {"text": 5})]
    with pytest.raises(DataError) as caught:
        to_examples(rows, "classification", FILE)
    assert caught.value.message.splitlines() == [
        "3 of 4 rows cannot be used:",
        "  rows.csv:3: 'text' is ' ', not a text",
        "  rows.csv:5: there is no 'text' among txt",
        "  rows.csv:6: 'text' is 5, not a text",
    ]


def test_rows_are_written_as_csv_or_lines():
    rows = [{"text": "a,b", "predicted": ["O", "B-x"]}]
    table, lines = io.StringIO(), io.StringIO()
    write_rows(rows, table, lines=False)
    write_rows(rows, lines, lines=True)
    assert table.getvalue() == 'text,predicted\n"a,b","[""O"", ""B-x""]"\n'
    assert lines.getvalue() == '{"text": "a,b", "predicted": ["O", "B-x"]}\n'
