from pathlib import Path

import polars as pl
import pytest

from xstilts.config.training import Mlm
from xstilts.data import hub_data
from xstilts.data.corpora import Corpus, check_location, corpora, read_texts, train_and_held_out
from xstilts.errors import DataError, SourceError


def corpus(folder: Path, name: str, column: str = "text", language: str = "fi") -> Corpus:
    (found,) = corpora(Mlm(texts={language: name}, column=column), base=folder, cache=folder / "cache")
    return found


def texts(folder: Path, name: str, column: str = "text") -> tuple[str, ...]:
    return read_texts(corpus(folder, name, column), cache=folder / "cache", offline=True)


def test_each_line_is_a_text_without_blanks_and_duplicates(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("yksi kaksi\r\n\n  kolme\u2028neljä \nyksi kaksi\n".encode())
    assert texts(tmp_path, "a.txt") == ("yksi kaksi", "kolme\u2028neljä")


def test_a_column_is_read_from_every_table_format(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,body\n1,"yksi, kaksi"\n2,\n', encoding="utf-8")
    (tmp_path / "a.tsv").write_text("id\tbody\n1\tyksi\n", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text('{"body": "yksi"}\n{"body": null}\n', encoding="utf-8")
    pl.DataFrame({"body": ["yksi", None]}).write_parquet(tmp_path / "a.parquet")
    assert texts(tmp_path, "a.csv", "body") == ("yksi, kaksi",)
    for name in ("a.tsv", "a.jsonl", "a.parquet"):
        assert texts(tmp_path, name, "body") == ("yksi",)


def test_unreadable_corpora_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,body\n1,yksi\n", encoding="utf-8")
    (tmp_path / "empty.txt").write_text("\n \n", encoding="utf-8")
    (tmp_path / "a.pdf").write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.csv:2: .*'text'"):
        texts(tmp_path, "a.csv")
    with pytest.raises(DataError, match=r"empty\.txt"):
        texts(tmp_path, "empty.txt")
    with pytest.raises(SourceError, match=r"absent\.txt"):
        corpus(tmp_path, "absent.txt")
    for place in ("a.pdf", "hub:alone"):
        with pytest.raises(DataError, match=place):
            check_location(place, tmp_path)
    check_location("hub:owner/name/20231101.{language}", tmp_path)


def test_fingerprint_depends_on_the_content_not_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("yksi\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("yksi\n", encoding="utf-8")
    (tmp_path / "c.txt").write_text("kaksi\n", encoding="utf-8")
    first = corpus(tmp_path, "a.txt").fingerprint
    assert corpus(tmp_path, "b.txt").fingerprint == corpus(tmp_path, "b.txt", "body").fingerprint == first
    assert corpus(tmp_path, "c.txt").fingerprint != first
    assert corpus(tmp_path, "a.txt", language="et").fingerprint != first


def test_texts_on_the_hub_are_read_from_parquet_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pl.DataFrame({"text": ["yksi"]}).write_parquet(tmp_path / "0.parquet")
    asked = []

    def parquet(place, split, language, *, cache, offline):
        asked.append((place.repository, place.config, place.splits[split], language))
        return (tmp_path / "0.parquet",)

    monkeypatch.setattr(hub_data, "parquet_files", parquet)
    found = corpus(tmp_path, "hub:owner/name/20231101.{language}")
    assert read_texts(found, cache=tmp_path, offline=True) == ("yksi",)
    assert asked == [("owner/name", "20231101.{language}", "train", "fi")]


def test_at_most_a_tenth_is_held_out_and_subsets_are_nested() -> None:
    texts = [f"text {number}" for number in range(50)]
    train, held_out = train_and_held_out(texts, 200, None)
    assert len(held_out) == 5 and sorted(train + held_out) == sorted(texts)
    few, same = train_and_held_out(texts, 200, 10)
    more, _ = train_and_held_out(texts, 200, 20)
    assert same == held_out and len(few) == 10 and set(few) < set(more)
    assert len(train_and_held_out(texts, 2, None)[1]) == 2
