import pytest

from xstilts.errors import DataError
from xstilts.formats.benchmarks import bucc_sentences


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ru-en.dev.ru").write_text("ru-1\tдом\t стоит\nru-2\tлес\n", encoding="utf-8")
    (tmp_path / "ru-en.dev.en").write_text("en-1\ta forest\nen-2\ta house\n", encoding="utf-8")
    (tmp_path / "ru-en.dev.gold").write_text("ru-1\ten-2\n", encoding="utf-8")
    return tmp_path


def test_both_files_state_language_and_partners(folder):
    foreign, english = (list(bucc_sentences(folder / f"ru-en.dev.{side}")) for side in ("ru", "en"))
    assert [row for _, row in foreign] == [
        {"id": "dev:ru-1", "text": "дом\t стоит", "english": False, "partners": ["dev:en-2"]},
        {"id": "dev:ru-2", "text": "лес", "english": False, "partners": []},
    ]
    assert [(line, row["id"], row["partners"]) for line, row in english] == [
        (1, "dev:en-1", []),
        (2, "dev:en-2", ["dev:ru-1"]),
    ]


def test_the_gold_file_has_no_sentences(folder):
    assert list(bucc_sentences(folder / "ru-en.dev.gold")) == []


def test_without_a_gold_file_rows_have_no_partners(folder):
    (folder / "ru-en.dev.gold").unlink()
    assert [row for _, row in bucc_sentences(folder / "ru-en.dev.ru")] == [
        {"id": "dev:ru-1", "text": "дом\t стоит", "english": False},
        {"id": "dev:ru-2", "text": "лес", "english": False},
    ]


def test_a_line_without_a_tab_is_located(folder):
    (folder / "ru-en.dev.en").write_text("en-1\ta forest\nen-2 a house\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"ru-en\.dev\.en:2: "):
        list(bucc_sentences(folder / "ru-en.dev.en"))
