"""`--texts` and `--check`: what is read from files, in which language, and what is left out."""

import json
from pathlib import Path

import pytest
from tests.unit.fitting.export.models import model_folder

from xstilts.cli import call
from xstilts.errors import DataError
from xstilts.fitting.export.texts import file_texts
from xstilts.fitting.facts import read_facts


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("texts") / "model")


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def export(source: Path, out: Path, *options: str) -> int:
    return call(["export", str(source), str(out), "--to", "sentence-transformers", "--json", *options])


def test_names_of_one_language_are_one_language(source: Path, tmp_path: Path):
    names = ("swh_Latn", "swa", "Swahili", "sw", "swh")
    path = write(tmp_path / "rows.jsonl", [{"text": "x", "language": name} for name in names])
    rows, notes = file_texts(path, read_facts(source))
    assert {row.language for row in rows} == {"sw"}
    assert notes == []


def test_no_language_is_an_error_with_its_line(source: Path, tmp_path: Path):
    path = write(tmp_path / "rows.jsonl", [{"text": "x"}, {"text": "x", "language": "nonsense"}])
    with pytest.raises(DataError) as caught:
        file_texts(path, read_facts(source))
    assert f"{path}:2" in caught.value.message


def test_labels_that_the_model_does_not_know_are_counted(source: Path, tmp_path: Path):
    path = write(tmp_path / "rows.jsonl", [{"text": "x", "label": "light"}, {"text": "y", "label": "snow"}])
    rows, notes = file_texts(path, read_facts(source))
    assert [row.labels for row in rows] == [("light",), None]
    assert len(notes) == 1


def test_texts_keep_their_sub_words(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write(tmp_path / "more.jsonl", [{"text": "\u6253\u5f00", "language": "English"}])
    kept = {}
    for name, options in {"without": (), "with": ("--texts", str(path))}.items():
        assert export(source, tmp_path / name, "--languages", "eng_Latn", *options) == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed["vocabulary"]["languages"] == ["en"]
        kept[name] = printed["vocabulary"]
    assert kept["with"]["pieces"] == kept["without"]["pieces"] + 2
    assert kept["with"]["tokenised"][0]["texts"] == kept["without"]["tokenised"][0]["texts"] + 1


def test_texts_in_languages_that_are_cut_are_left_out_and_counted(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    rows = [{"text": "light", "language": "en"}, *[{"text": "\u6253\u5f00", "language": "zho_Hans"}] * 3]
    path = write(tmp_path / "more.jsonl", rows)
    assert export(source, tmp_path / "out", "--languages", "en,ru", "--texts", str(path)) == 0
    printed = json.loads(capsys.readouterr().out)
    assert any(note.startswith("more.jsonl: 3 texts in zh") for note in printed["warnings"])
    assert [(row["language"], row["texts"]) for row in printed["vocabulary"]["tokenised"]] == [("en", 3), ("ru", 1)]


def test_a_file_without_texts_in_the_languages_is_refused(source: Path, tmp_path: Path):
    path = tmp_path / "more.txt"
    path.write_text("light\n")
    assert export(source, tmp_path / "out", "--languages", "ru", "--texts", str(path)) == 2
    assert not (tmp_path / "out").exists()


def test_rows_of_check_are_compared_as_new_texts(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write(tmp_path / "check.jsonl", [{"text": "\u6253\u5f00 light", "language": "en", "label": "light"}])
    options = ("--languages", "en", "--check", str(path), "--accept-loss")
    assert export(source, tmp_path / "out", *options) == 0
    printed = json.loads(capsys.readouterr().out)
    (checked,) = (row for row in printed["agreement"] if row["source"] == path.name)
    assert (checked["rows"], checked["labelled"]) == (1, 1)
    assert checked["difference"] > 0  # their sub-words are cut, as those of other new texts
    assert printed["vocabulary"]["tokenised"][0]["texts"] == 2
