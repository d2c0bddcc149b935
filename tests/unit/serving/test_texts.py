from pathlib import Path

import pytest
from tests.unit.serving.models import fitted_model

from xstilts.errors import DataError
from xstilts.fitting.facts import ModelFacts
from xstilts.serving.refusals import RefusedError
from xstilts.serving.texts import read_file

PAIRS = {"text": "premise", "pair": "hypothesis"}


@pytest.fixture
def facts(tmp_path: Path) -> ModelFacts:
    return fitted_model(tmp_path).facts


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "id,headline\n1,abc\n2,هذا\n"),
        ("A.CSV", "\ufeffid;headline\n1;abc\n2;هذا\n"),
        ("a.tsv", "id\theadline\n1\tabc\n2\tهذا\n"),
        ("a.jsonl", '{"headline": "abc"}\n{"headline": "هذا"}\n'),
        ("a.json", '[{"headline": "abc"},\n {"headline": "هذا"}]'),
        ("C:\\texts\\a.txt", "abc\n  هذا \n"),
    ],
)
def test_every_format(facts: ModelFacts, name: str, content: str):
    assert read_file(content.encode(), name, facts, 9).texts == ["abc", "هذا"]


def test_pairs(facts: ModelFacts):
    facts = facts.model_copy(update={"columns": PAIRS})
    read = read_file(b"premise,hypothesis\na,b\nc,\n", "a.csv", facts, 9)
    assert read.texts == [("a", "b")]
    assert [row.line for row in read.left_out] == [3]
    with pytest.raises(DataError):
        read_file(b"a\nb\n", "a.txt", facts, 9)


def test_rows_that_cannot_be_used_are_listed(facts: ModelFacts):
    read = read_file(b'{"headline": "a"}\n{"headline": null}\n{"headline": "\\u0000"}\n', "a.jsonl", facts, 9)
    assert (read.texts, read.lines, [row.line for row in read.left_out]) == (["a"], [1], [2, 3])


def test_guesses_are_told(facts: ModelFacts):
    assert len(read_file(b"id;headline\n1;abc\n", "a.csv", facts, 9).notes) == 1


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"text\nabc\n", "a.csv:2"),
        ("a.csv", b"", "a.csv"),
        ("a.csv", b"headline\n", "a.csv"),
        ("a.csv", b"headline\n\xff\n", "a.csv:2"),
        ("a.txt", b"\n \n", "a.txt"),
        ("a.csv.gz", b"\x1f\x8b", "a.csv.gz"),
        ("../../etc/passwd", b"", "passwd"),
        ("", b"", "the file"),
    ],
)
def test_files_without_a_text(facts: ModelFacts, name: str, content: bytes, told: str):
    with pytest.raises(DataError) as caught:
        read_file(content, name, facts, 9)
    assert caught.value.message.startswith(told) and caught.value.hint
    assert "xstilts-" not in caught.value.message


def test_too_many_texts(facts: ModelFacts):
    with pytest.raises(RefusedError) as caught:
        read_file(b"a\nb\nc\n", "a.txt", facts, 2)
    assert caught.value.status == 413
