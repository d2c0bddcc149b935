"""Parquet files, with and without the metadata of the library `datasets`."""

import base64
import gzip
import json
import zlib
from collections import Counter

import polars as pl
import pytest

from xstilts.data.images.tables import read_parquet_image
from xstilts.errors import DataError, ImageError
from xstilts.formats import parquet_trial
from xstilts.formats.tables import rows

TWO_ROWS = (
    "c-nQ5!A`<J5Qew4Asjdm(%H00553SpBnT_e;%zWQh(rsC@!VQgNRS$eAU+B4X`S78@Zw~5Ci8#)%wadiMHeiv!JbiJj2Uzjl~Q0(gIbH"
    "^DwLqam`SQ-7#Ai~+&(K+UB}o1;}%bO8VrImb3HzQ9w!@^Zfj!g@_Y{_gG${bYn{zJLfmpa*9*>u_um@+ZGg?FwSqEFZAN>Y3N99p&o{"
    "-(YWbEpXX8qR$dO{KQgopHbN<_F=^nAbTV3aP852Jql|Ds${p-^yRQ#m5hIgpZ6RP3S6i2#_)jkUCLyW&@C>krI4o>FCoQF8yB)h_Iyr"
    "1@~eB1O7%U!X~x4vk1+a14=eylf{AIf1zq}jEUnFytfMAq$zFiJYZL=5{<3K=HLY$%$pryeb)ABpL!egI;#S#J"
)
"""A Parquet file with two texts, compressed."""
ABORTS_AT = (35, 0x75)
"""A byte of this file, and the value with which Polars ends the process that reads it."""
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
    monkeypatch.setattr(parquet_trial, "MAX_ROWS", 2)
    with pytest.raises(DataError, match="3 rows"):
        list(rows(tmp_path / "a.parquet"))


def two_rows() -> bytearray:
    return bytearray(zlib.decompress(base64.b85decode(TWO_ROWS)))


@pytest.mark.parametrize("suffix", ["parquet", "parquet.gz"])
def test_a_file_that_ends_the_process_that_reads_it_is_refused(write, suffix):
    content, compress = two_rows(), gzip.compress if suffix.endswith("gz") else bytes
    assert [row for _, row in rows(write(f"a.{suffix}", compress(content)))] == [{"t": "a"}, {"t": "b"}]
    content[ABORTS_AT[0]] = ABORTS_AT[1]
    path = write(f"b.{suffix}", compress(content))
    with pytest.raises(DataError, match=str(path)):
        list(rows(path))


def test_images_of_such_a_file_are_unusable(write, tmp_path):
    content = two_rows()
    content[ABORTS_AT[0]] = ABORTS_AT[1]
    path = write("a.parquet", bytes(content))
    with pytest.raises(ImageError, match=str(path)):
        read_parquet_image(f"{path}#0/t", "parquet:a")


def test_a_file_is_tried_once_until_it_changes(write, monkeypatch):
    trials = Counter()
    try_it = parquet_trial._try

    def count(path, *arguments):
        trials[path] += 1
        try_it(path, *arguments)

    monkeypatch.setattr(parquet_trial, "_try", count)
    path = write("a.parquet", bytes(two_rows()))
    for _ in range(3):
        assert len(list(rows(path))) == 2
    assert trials[path] == 1
    pl.DataFrame({"t": ["a"]}).write_parquet(path)
    assert len(list(rows(path))) == 1
    assert trials[path] == 2


def test_a_file_that_takes_too_long_is_refused(write, monkeypatch):
    monkeypatch.setattr(parquet_trial, "MAX_SECONDS", 0.0)
    path = write("a.parquet", bytes(two_rows()))
    with pytest.raises(DataError, match=str(path)):
        list(rows(path))
