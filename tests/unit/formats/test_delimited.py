"""CSV and TSV files as spreadsheets, pandas and scripts without a CSV library write them."""

import gzip

import pytest

from xstilts.errors import DataError
from xstilts.formats import content
from xstilts.formats.tables import read_rows, rows

ROW = {"text": "a", "label": "x"}


def codes(path):
    return [(note.code, note.count, note.first_line) for note in read_rows(path).notes]


def test_tsv_with_unbalanced_quotes_is_unquoted(write):
    path = write("a.tsv", 'text\tlabel\n"good food\tpos\nbad food\tneg\ncold room\tneg\nhe said so"\tneg\n')
    assert [(line, row["text"], row["label"]) for line, row in rows(path)] == [
        (2, '"good food', "pos"),
        (3, "bad food", "neg"),
        (4, "cold room", "neg"),
        (5, 'he said so"', "neg"),
    ]
    assert codes(path) == [("unquoted", 1, 2)]


@pytest.mark.parametrize("text", ['"never closed', '"closed" early', 'a "b" c', '"'])
def test_tsv_with_one_stray_quotation_mark_loses_no_row(write, text):
    path = write("a.tsv", f"text\tlabel\n{text}\tx\nplain\ty\n")
    assert [row["text"] for _, row in rows(path)] == [text, "plain"]


def test_quoted_tsv_keeps_line_breaks_in_cells(write):
    path = write("a.tsv", 'headline\ttext\tlabel\nA\t"first ""line""\n\nsecond, line"\tx\n"B"\tplain\ty\n')
    assert list(rows(path)) == [
        (2, {"headline": "A", "text": 'first "line"\n\nsecond, line', "label": "x"}),
        (5, {"headline": "B", "text": "plain", "label": "y"}),
    ]
    assert codes(path) == []


def test_quoted_tsv_keeps_tabs_in_cells(write):
    path = write("a.tsv", 'text\tlabel\n"a\tb"\tx\n')
    assert [row["text"] for _, row in rows(path)] == ["a\tb"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"text"\t"label"\n"a"\t"x"\n"b\tc\nd"\t"y"\n', 3),
        ('text\tnote\tlabel\n"a\nb"\t"c\nd\te"\tx\n', 3),
        ('text\n"one\ntwo"\nthree\n', 2),
        ('text\tlabel\n"a\nb"\tx\n"c\ty\n', 4),
    ],
)
def test_tsv_that_is_neither_quoted_nor_unquoted_is_refused_at_the_opening_quote(write, text, line):
    path = write("a.tsv", text)
    with pytest.raises(DataError, match=rf"a\.tsv:{line}: "):
        list(rows(path))


def test_quoted_csv_may_hold_commas_and_line_breaks_in_one_cell(write):
    path = write("a.csv", 'text,label\n"a,\nb",x\n')
    assert list(rows(path)) == [(2, {"text": "a,\nb", "label": "x"})]


def test_long_cells_are_read(write):
    text = "long " * 40_000
    assert [row["text"] for _, row in rows(write("a.csv", f"text,label\n{text},x\n"))] == [text]


@pytest.mark.parametrize("separator", [";", "\t", "|", ","])
def test_a_first_line_of_excel_states_the_separator(write, separator):
    path = write("a.csv", f"sep={separator}\r\ntext{separator}label\r\na{separator}x\r\n")
    assert list(rows(path)) == [(3, ROW)]
    assert codes(path) == []


@pytest.mark.parametrize("separator", [";", "\t"])
def test_another_separator_is_recognised_by_the_header_and_all_rows(write, separator):
    path = write("a.csv", f"text{separator}label\n\na, b{separator}x\n'c'{separator}y\n")
    assert [(line, row["text"]) for line, row in rows(path)] == [(3, "a, b"), (4, "'c'")]
    assert codes(path) == [("separator-guessed", 1, 1)]


@pytest.mark.parametrize("last", ["b;c;y", "b", '"b;y'])
def test_another_separator_that_does_not_fit_all_rows_is_refused(write, last):
    path = write("a.csv", f"text;label\na;x\n{last}\n")
    with pytest.raises(DataError, match=r"a\.csv:1: .*';', but line 3"):
        list(rows(path))


def test_empty_columns_and_blank_rows_of_excel_are_dropped(write):
    path = write("a.csv", "text,label,,\na,x,,\n,,,\nb,y,,\n,,,\n")
    assert list(rows(path)) == [(2, ROW), (4, {"text": "b", "label": "y"})]
    assert codes(path) == [("blank-rows", 2, 3)]


def test_unnamed_columns_with_content_are_refused(write):
    path = write("a.csv", "text,label,,\na,x,,\nb,y,,z\n")
    with pytest.raises(DataError, match=r"a\.csv:1: column '' occurs twice"):
        list(rows(path))
    assert list(rows(write("b.csv", ",text\n0,a\n"))) == [(2, {"": "0", "text": "a"})]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_other_encodings_are_refused(write, encoding):
    with pytest.raises(DataError, match=r"a\.csv:1: "):
        list(rows(write("a.csv", "téxt,label\na,x\n".encode(encoding))))


def test_compressed_files_are_read_by_the_inner_suffix(write):
    assert list(rows(write("a.CSV.gz", gzip.compress(b"text,label\na,x\n")))) == [(2, ROW)]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: b"x" + data, lambda data: data[:12] + b"\xff" * 9]
)
def test_damaged_compressed_files_are_refused(write, damage):
    with pytest.raises(DataError, match=r"a\.csv\.gz: "):
        list(rows(write("a.csv.gz", damage(gzip.compress(b"text,label\na,x\n")))))


def test_compressed_files_may_not_become_too_large(write, monkeypatch):
    monkeypatch.setattr(content, "MAX_BYTES", 1 << 20)
    with pytest.raises(DataError, match="1,048,576 bytes"):
        list(rows(write("a.csv.gz", gzip.compress(b"a" * (3 << 20)))))
