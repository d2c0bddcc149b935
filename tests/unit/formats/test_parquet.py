"""Parquet files, with and without the metadata of the library `datasets`."""

import gzip
import json

import polars as pl
import pytest

from xstilts.errors import DataError
from xstilts.formats import parquet
from xstilts.formats.tables import rows

CLASSES = {"names": ["O", "B-PER", "I-PER"], "_type": "ClassLabel"}


def write_with_features(path, frame: pl.DataFrame, features: object):
    frame.write_parquet(path, metadata={"huggingface": json.dumps({"info": {"features": features}})})
    return path


@pytest.mark.parametrize(
    "feature", [[CLASSES], {"feature": CLASSES, "_type": "Sequence"}, {"feature": CLASSES, "_type": "List"}]
)
def test_class_numbers_in_lists_become_names(tmp_path, feature):
    frame = pl.DataFrame({"tokens": [["Amina", "Bello"], ["a"]], "ner_tags": [[1, 2], [0]]})
    path = write_with_features(tmp_path / "a.parquet", frame, {"ner_tags": feature, "tokens": {"dtype": "string"}})
    assert [row["ner_tags"] for _, row in rows(path)] == [["B-PER", "I-PER"], ["O"]]


def test_class_numbers_become_names_and_withheld_labels_none(tmp_path):
    frame = pl.DataFrame({"text": ["a", "b", "c"], "label": [1, -1, None]})
    path = write_with_features(tmp_path / "a.parquet", frame, {"label": CLASSES, "gone": CLASSES})
    assert list(rows(path)) == [
        (1, {"text": "a", "label": "B-PER"}),
        (2, {"text": "b", "label": None}),
        (3, {"text": "c", "label": None}),
    ]


@pytest.mark.parametrize("number", [3, -2])
def test_class_number_without_a_name_is_refused(tmp_path, number):
    path = write_with_features(tmp_path / "a.parquet", pl.DataFrame({"label": [0, number]}), {"label": CLASSES})
    with pytest.raises(DataError, match=r"a\.parquet:2: "):
        list(rows(path))


@pytest.mark.parametrize(
    "metadata", ["{", "[]", '{"info": null}', '{"info": {"features": [1]}}', '{"info": {"features": {"label": 1}}}']
)
def test_without_usable_metadata_numbers_stay(tmp_path, metadata):
    pl.DataFrame({"label": [1]}).write_parquet(tmp_path / "a.parquet", metadata={"huggingface": metadata})
    assert list(rows(tmp_path / "a.parquet")) == [(1, {"label": 1})]


def test_nan_is_a_missing_value(tmp_path):
    pl.DataFrame({"label": [1.0, float("nan"), None]}).write_parquet(tmp_path / "a.parquet")
    assert [row["label"] for _, row in rows(tmp_path / "a.parquet")] == [1.0, None, None]


def test_compressed_file(tmp_path, write):
    pl.DataFrame({"text": ["a"]}).write_parquet(tmp_path / "a.parquet")
    path = write("b.parquet.gz", gzip.compress((tmp_path / "a.parquet").read_bytes()))
    assert list(rows(path)) == [(1, {"text": "a"})]


def test_damaged_files_are_refused(tmp_path, write):
    pl.DataFrame({"text": ["a", "b"] * 50}).write_parquet(tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    for number, damaged in enumerate([b"", b"PAR1", content[:-3], content[:40] + content[90:], content[4:]]):
        path = write(f"{number}.parquet", damaged)
        with pytest.raises(DataError, match=str(path)):
            list(rows(path))


def test_too_many_rows_are_refused(tmp_path, monkeypatch):
    pl.DataFrame({"text": ["a", "b", "c"]}).write_parquet(tmp_path / "a.parquet")
    monkeypatch.setattr(parquet, "MAX_ROWS", 2)
    with pytest.raises(DataError, match="3 rows"):
        list(rows(tmp_path / "a.parquet"))
