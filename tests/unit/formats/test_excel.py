"""Excel files, as people fill them in."""

import gzip
import zipfile

import pytest
from tests.spreadsheets import write_xlsx, write_xlsx_xml

from xstilts.errors import DataError
from xstilts.formats import excel
from xstilts.formats.tables import read_rows, rows


def test_values_are_texts_under_the_row_numbers_of_excel(tmp_path):
    sheet = {2: ["text", "label", "share", "used"], 3: ["a < b\nc", 1, 0.5, True], 6: ["7 days", None, 2.0, False]}
    assert list(rows(write_xlsx(tmp_path / "a.xlsx", sheet))) == [
        (3, {"text": "a < b\nc", "label": "1", "share": "0.5", "used": "true"}),
        (6, {"text": "7 days", "label": "", "share": "2", "used": "false"}),
    ]


def test_blank_rows_and_columns_and_further_sheets_are_skipped(tmp_path):
    sheet = {1: ["text", "label", None, ""], 2: ["a", "x", "", " "], 3: ["", " "], 4: ["b", "y"], 5: [None, None, ""]}
    table = read_rows(write_xlsx(tmp_path / "a.xlsx", sheet, {1: ["other"]}, {1: ["more"]}))
    assert [row for _, row in table.rows] == [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]
    assert [(note.code, note.count, note.first_line) for note in table.notes] == [
        ("sheets-ignored", 2, 1),
        ("blank-rows", 2, 3),
    ]


def test_tables_that_do_not_begin_in_column_a(tmp_path):
    path = write_xlsx(tmp_path / "a.xlsx", {1: [None, "text"], 2: [None, "a"]})
    assert [row["text"] for _, row in rows(path)] == ["a"]


def test_compressed_file(tmp_path, write):
    content = write_xlsx(tmp_path / "a.xlsx", {1: ["text"], 2: ["a"]}).read_bytes()
    assert list(rows(write("b.xlsx.gz", gzip.compress(content)))) == [(2, {"text": "a"})]


def test_empty_sheets_are_refused(tmp_path):
    with pytest.raises(DataError, match="empty"):
        list(rows(write_xlsx(tmp_path / "a.xlsx", {})))


def test_damaged_files_are_refused(tmp_path, write):
    content = write_xlsx(tmp_path / "a.xlsx", {1: ["text"], 2: ["a"]}).read_bytes()
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    damages = [b"", b"PK", content[:-30], content[:60] + b"\0" + content[61:], (tmp_path / "other.zip").read_bytes()]
    for number, damaged in enumerate(damages):
        path = write(f"{number}.xlsx", damaged)
        with pytest.raises(DataError, match=str(path)):
            list(rows(path))


@pytest.mark.parametrize(
    "far", ['r="1048576"><c r="XFD1048576"', 'r="4000000000"><c', 'r="2"><c r="ZZZZZZZ2"', 'r="2"><c r="A99999999999"']
)
def test_cells_far_away_are_refused_before_their_rectangle_is_allocated(tmp_path, far):
    sheet = f'<row r="1"><c r="A1"><v>1</v></c></row><row {far}><v>1</v></c></row>'
    with pytest.raises(DataError, match="rows and"):
        list(rows(write_xlsx_xml(tmp_path / "a.xlsx", sheet)))


def test_files_may_not_become_too_large(tmp_path, monkeypatch):
    path = write_xlsx(tmp_path / "a.xlsx", {1: ["text"], 2: ["a" * 200_000]})
    monkeypatch.setattr(excel, "MAX_BYTES", 100_000)
    with pytest.raises(DataError, match="100,000 bytes"):
        list(rows(path))
