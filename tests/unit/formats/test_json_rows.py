"""JSON Lines and JSON: what is read as rows, and values that no row may have."""

import gzip
import json

import pytest

from xstilts.errors import DataError
from xstilts.formats.tables import rows

ROWS = [{"text": "a", "n": 1}, {"text": "b", "n": 2}]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.ndjson.gz"])
def test_lines(write, name):
    data = "".join(f"{json.dumps(row)}\n\n" for row in ROWS).encode()
    path = write(name, gzip.compress(data) if name.endswith(".gz") else data)
    assert list(rows(path)) == [(1, ROWS[0]), (3, ROWS[1])]


@pytest.mark.parametrize(
    "value",
    [
        {"data": ROWS},
        {"text": ["a", "b"], "n": [1, 2]},
        {"text": {"0": "a", "1": "b"}, "n": {"0": 1, "1": 2}},
        {"columns": ["text", "n"], "index": [0, 1], "data": [["a", 1], ["b", 2]]},
    ],
)
def test_layouts_of_json_objects(write, value):
    assert list(rows(write("a.json", json.dumps(value)))) == [(1, ROWS[0]), (2, ROWS[1])]


def test_elements_of_an_array_have_their_lines(write):
    assert [line for line, _ in rows(write("a.json", json.dumps(ROWS, indent=1)))] == [2, 6]
    assert list(rows(write("a.json", " [ ] \n"))) == []


def test_questions_of_squad(write):
    question = {"id": "q", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]}
    value = {"data": [{"paragraphs": [{"context": "Ada did.", "qas": [question]}]}]}
    ((_, row),) = rows(write("a.json", json.dumps(value)))
    assert (row["context"], row["answer_text"], row["answer_start"]) == ("Ada did.", ["Ada"], [0])


def test_nan_is_a_missing_value(write):
    path = write("a.jsonl", '{"text": NaN, "label": [NaN, 1]}\n')
    assert list(rows(path)) == [(1, {"text": None, "label": [None, 1]})]


def test_both_halves_of_a_character_are_one(write):
    assert list(rows(write("a.jsonl", '{"text": "\\ud83d\\ude00"}'))) == [(1, {"text": "😀"})]


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ('"kitamu \\ud83d"', r"\\ud83d"),
        ('{"\\uDE00": 1}', r"\\ude00"),
        ("Infinity", "Infinity"),
        ("-Infinity", "Infinity"),
        ("1e999", "1e999"),
        ("9" * 5000, "digits"),
        ("[" * 100_000, "deep"),
        ("[" * 70 + "]" * 70, "deep"),
        ('{"b": 1, "b": 2}', "'b'"),
        ("nope", "not JSON"),
    ],
)
@pytest.mark.parametrize("layout", ["lines", "array", "object"])
def test_unusable_values_are_refused_with_their_line(write, value, what, layout):
    if layout == "lines":
        path, line = write("a.jsonl", f'{{"a": 1}}\n{{"a": {value}}}\n'), ":2"
    elif layout == "array":
        path, line = write("a.json", f'[{{"a": 1}},\n{{"a": {value}}}]\n'), ":[12]"
    else:
        path, line = write("a.json", f'{{"data": [{{"a": {value}}}]}}\n'), ":1"
    with pytest.raises(DataError, match=rf"{path}{line}: .*{what}"):
        list(rows(path))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "{}",
        "[1]",
        '[{"a": 1} {"a": 2}]',
        '[{"a": 1}',
        "[{}] x",
        '{"data": null}',
        '{"a": [1], "b": [1, 2]}',
        '{"a": {"0": 1}, "b": {"1": 1}}',
        '{"columns": ["a"], "data": [[1, 2]]}',
    ],
)
def test_other_layouts_are_refused(write, text):
    path = write("a.json", text)
    with pytest.raises(DataError, match=str(path)):
        list(rows(path))
