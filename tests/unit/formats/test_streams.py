import gzip
import io
import sys
from pathlib import Path

import polars as pl
import pytest

from xstilts.errors import DataError
from xstilts.formats import parquet
from xstilts.formats.streams import spooled_stdin, stream_rows
from xstilts.formats.tables import rows

FILES = {
    "a.csv": 'text,label\n"one, ""two""\nthree",x\nfour,y\n',
    "b.csv": "text;label\none;x\ntwo;y\n",
    "c.csv": "sep=|\ntext|label\none|x\n",
    "d.tsv": 'text\tlabel\n"half a quote\tx\nfour\ty\n',
    "e.jsonl": '{"text": "one"}\n\n{"text": "two", "label": null}\n',
    "f.csv": "\ufefftext,label\r\none,x\r\n",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("compressed", [False, True])
def test_rows_are_those_of_the_whole_file(name, compressed, tmp_path: Path):
    content = FILES[name].encode()
    path = tmp_path / (f"{name}.gz" if compressed else name)
    path.write_bytes(gzip.compress(content) if compressed else content)
    assert list(stream_rows(path)) == list(rows(path))


def test_parquet_is_read_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parquet, "SLICE", 2)
    pl.DataFrame({"text": list("abcde")}).write_parquet(tmp_path / "a.parquet")
    assert [(line, row["text"]) for line, row in stream_rows(tmp_path / "a.parquet")] == list(
        enumerate("abcde", start=1)
    )


def test_lines_of_a_text_file_are_texts(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b"habari\r\n\r\nasante")
    assert list(stream_rows(tmp_path / "a.txt")) == [(1, {"text": "habari"}), (3, {"text": "asante"})]


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.csv", b"text,label\none,x\n\xff\xfe,y\n", ""),
        ("a.csv", b"text,label\none,x\ntwo\0,y\n", "a.csv:3"),
        ("a.csv", b"text,label\none\n", "a.csv:2"),
        ("a.jsonl", b'{"text": "a"}\nnonsense\n', "a.jsonl:2"),
        ("a.jsonl", b"[1]\n", "a.jsonl:1"),
        ("a.csv.gz", gzip.compress(b"text,label\n" + b"a,b\n" * 9)[:-9], "a.csv.gz"),
    ],
    ids=["encoding", "nul", "short row", "no json", "no object", "damaged"],
)
def test_damaged_files_are_located(name, content, place, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as raised:
        list(stream_rows(tmp_path / name))
    assert f"{tmp_path}" in raised.value.message
    assert place in raised.value.message


@pytest.mark.parametrize(("content", "suffix"), [(b'\xef\xbb\xbf {"text": "a"}\n', ".jsonl"), (b"text\na\n", ".csv")])
def test_standard_input_has_a_format(content, suffix, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    with spooled_stdin() as (path, found):
        assert found == suffix
        assert [row["text"] for _, row in stream_rows(path, found)] == ["a"]
