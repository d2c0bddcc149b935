import gzip
from pathlib import Path

import polars as pl
import pytest

from xstilts.errors import DataError
from xstilts.fitting.inputs import read_input


def read(source, tmp_path):
    return read_input(source, "train", cache=tmp_path, offline=True)


def test_files_have_lines(tmp_path: Path):
    (tmp_path / "a.csv").write_text('text,label\n"one\ntwo",x\nthree,y\n')
    table = read(tmp_path / "a.csv", tmp_path)
    assert [(line, row["text"]) for line, row in table.rows] == [(2, "one\ntwo"), (4, "three")]
    assert table.columns == ("text", "label")


def test_compressed_files_are_read(tmp_path: Path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"text,label\nhabari,x\n"))
    assert read(str(tmp_path / "a.csv.gz"), tmp_path).rows == ((2, {"text": "habari", "label": "x"}),)


def test_text_files_have_one_text_per_line(tmp_path: Path):
    (tmp_path / "new.txt").write_text("habari\n\nasante\n")
    table = read(tmp_path / "new.txt", tmp_path)
    assert table.is_text
    assert list(table.rows) == [(1, {"text": "habari"}), (3, {"text": "asante"})]


class Frame:
    """The two methods of a pandas frame that are used."""

    columns = ("text", "label")

    def to_dict(self, orient: str) -> list[dict[str, object]]:
        assert orient == "records"
        return [{"text": "a", "label": float("nan")}]


@pytest.mark.parametrize(
    "source",
    [
        pl.DataFrame({"text": ["a", "b"], "label": ["x", "y"]}),
        [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}],
        [("a", "x"), ("b", "y")],
        {"text": ["a", "b"], "label": ["x", "y"]},
    ],
    ids=["polars", "dictionaries", "tuples", "columns"],
)
def test_python_values_are_the_same_rows(source, tmp_path):
    assert list(read(source, tmp_path).rows) == [(1, {"text": "a", "label": "x"}), (2, {"text": "b", "label": "y"})]


def test_pandas_frames_keep_missing_values(tmp_path):
    [(_, row)] = read(Frame(), tmp_path).rows
    assert row["text"] == "a"
    assert row["label"] != row["label"]


def test_halves_of_characters_are_replaced(tmp_path):
    [(_, row)] = read(["chakula \ud83d"], tmp_path).rows
    assert row["text"] == "chakula �"


@pytest.mark.parametrize("source", [[], 3, [object()], b"text"], ids=["empty", "number", "objects", "bytes"])
def test_other_values_are_refused(source, tmp_path):
    with pytest.raises(DataError, match="train"):
        read(source, tmp_path)


def test_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="folder"):
        read(tmp_path, tmp_path)
