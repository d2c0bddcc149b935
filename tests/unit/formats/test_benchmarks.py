"""Readers of benchmark files: the rows they return, and errors that name file and line."""

import json
from pathlib import Path

import pytest

from xstilts.errors import DataError
from xstilts.formats.benchmarks import (
    aligned_files,
    headerless_tsv,
    tagged_sentences,
    unquoted_tsv,
)
from xstilts.formats.ccgbank import auto_derivations, staged_gold
from xstilts.formats.conllu import conllu
from xstilts.formats.squad import squad_questions


@pytest.fixture
def file(tmp_path):
    def write(name: str, content: str) -> Path:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


def test_headerless_tsv_keeps_quotes_and_allows_missing_labels(file):
    read = headerless_tsv("text", "pair", optional="label")
    labelled = list(read(file("a.tsv", 'He said "no\tHe refused\tentailment\n\nx\ty\tneutral\n')))
    assert labelled[0] == (1, {"text": 'He said "no', "pair": "He refused", "label": "entailment"})
    assert labelled[1][0] == 3
    assert list(read(file("b.tsv", "x\ty\n"))) == [(1, {"text": "x", "pair": "y"})]


def test_a_row_with_the_wrong_number_of_cells_is_located(file):
    path = file("a.tsv", "x\ty\tz\nx\ty\n")
    with pytest.raises(DataError, match=rf"{path}:2: "):
        list(headerless_tsv("text", "pair", optional="label")(path))


def test_unquoted_tsv_treats_quotes_as_text(file):
    assert list(unquoted_tsv(file("a.tsv", 'id\tquestion\n1\t"Why\n'))) == [(2, {"id": "1", "question": '"Why'})]


def squad(*questions: dict) -> dict:
    return {"data": [{"title": "T", "paragraphs": [{"context": "It is red.", "qas": list(questions)}]}]}


def test_squad_questions_with_and_without_answers(file):
    answered = {"id": "a", "question": "?", "answers": [{"text": "red", "answer_start": 6}]}
    impossible = {"id": "b", "question": "?", "answers": [], "is_impossible": True}
    blank = {"id": "c", "question": "?"}
    text = json.dumps(squad(answered, impossible, blank), indent=1)
    rows = list(squad_questions(file("a.json", text)))
    assert [row.get("answer_text") for _, row in rows] == [["red"], [], None]
    assert rows[0][1]["answer_start"] == [6] and rows[0][1]["title"] == "T"
    lines = text.split("\n")
    assert ['"a"' in lines[rows[0][0] - 1], '"b"' in lines[rows[1][0] - 1]] == [True, True]


def test_malformed_squad_files_are_located(file):
    path = file("a.json", json.dumps(squad({"id": "a", "answers": []})))
    with pytest.raises(DataError, match=rf"{path}:1: .*'question'"):
        list(squad_questions(path))
    path = file("b.json", '{"data":\n [}')
    with pytest.raises(DataError, match=rf"{path}:2: "):
        list(squad_questions(path))


def test_blank_lines_separate_tagged_sentences(file):
    rows = list(tagged_sentences(file("a.tsv", "\nNí\tADP\nayé\tNOUN\n\n\n.\tPUNCT\n")))
    assert rows == [(2, {"words": ["Ní", "ayé"], "tags": ["ADP", "NOUN"]}), (6, {"words": ["."], "tags": ["PUNCT"]})]
    assert list(tagged_sentences(file("b.tsv", "a\nb\n"))) == [(1, {"words": ["a", "b"]})]
    path = file("c.tsv", "a\tX\nb\n")
    with pytest.raises(DataError, match=rf"{path}:2: "):
        list(tagged_sentences(path))


def conllu_line(number: str, form: str, tag: str, head: int) -> str:
    return f"{number}\t{form}\t_\t{tag}\t_\t_\t{head}\t_\t_\t_"


def test_multiword_token_takes_the_tag_of_the_word_nearest_to_the_root(file):
    lines = [
        "# text = zum Haus",
        conllu_line("1-2", "zum", "_", 0),
        conllu_line("1", "zu", "ADP", 3),
        conllu_line("2", "dem", "DET", 1),
        conllu_line("3", "Haus", "NOUN", 0),
        conllu_line("3.1", "leer", "VERB", 0),
    ]
    ((line, row),) = conllu(file("a.conllu", "\n".join(lines) + "\n\n"))
    assert (line, row["words"], row["tags"]) == (1, ["zum", "Haus"], ["ADP", "NOUN"])


def test_multiword_token_with_equal_depths_uses_tag_precedence(file):
    lines = [
        conllu_line("1", "geh", "VERB", 0),
        conllu_line("2-3", "fürs", "_", 0),
        conllu_line("2", "für", "ADP", 1),
        conllu_line("3", "das", "PRON", 1),
    ]
    ((_, row),) = conllu(file("a.conllu", "\n".join(lines)))
    assert row["tags"] == ["VERB", "PRON"]


def test_a_short_conllu_line_is_located(file):
    path = file("a.conllu", f"{conllu_line('1', 'a', 'X', 0)}\n2\tb\n")
    with pytest.raises(DataError, match=rf"{path}:2: "):
        list(conllu(path))


def test_aligned_files_pair_lines_and_require_equal_lengths(file):
    file("t.eng", "It is coffee.\nNo.\n")
    path = file("t.swh", "Ni kahawa.\nHapana.\n")
    assert [row for _, row in aligned_files(".eng")(path)][1] == {"text": "Hapana.", "english": "No."}
    file("t.eng", "It is coffee.\n")
    with pytest.raises(DataError, match=r"t\.swh .*t\.eng"):
        list(aligned_files(".eng")(path))


def test_ccgbank_derivations_and_staged_gold(file):
    auto = "ID=wsj_0001.1 PARSER=GOLD NUMPARSE=1\n(<T S[dcl] 0 2> (<L NP NNP NNP Vinken NP>) "
    auto += "(<L S[dcl]\\NP VB VB sees S[dcl]\\NP>) )\n"
    ((line, row),) = auto_derivations(file("wsj_0001.auto", auto))
    assert (line, row) == (2, {"words": ["Vinken", "sees"], "tags": ["NP", "S[dcl]\\NP"]})
    ((line, row),) = staged_gold(file("wsj00.stagedGold", "# sentences\n\nVinken|NNP|NP sees|VB|(S[dcl]\\NP)/NP\n"))
    assert (line, row) == (3, {"words": ["Vinken", "sees"], "tags": ["NP", "(S[dcl]\\NP)/NP"]})
    path = file("bad.stagedGold", "Vinken|NNP\n")
    with pytest.raises(DataError, match=rf"{path}:1: 'Vinken\|NNP'"):
        list(staged_gold(path))
