"""Columns of words and tags, as CoNLL's shared tasks, MasakhaNER and Universal Dependencies publish them."""

import pytest

from xstilts.errors import DataError
from xstilts.formats.tables import rows


def sentences(path):
    return [(line, " ".join(row["words"]), " ".join(row["tags"])) for line, row in rows(path)]


@pytest.mark.parametrize("name", ["a.conll", "a.bio", "a.txt"])
@pytest.mark.parametrize("separator", [" ", "\t", "  "])
def test_two_columns(write, name, separator):
    path = write(name, f"\nAmina{separator}B-PER\nalienda{separator}O\r\n\n\nLagos{separator}B-LOC\n")
    assert sentences(path) == [(2, "Amina alienda", "B-PER O"), (6, "Lagos", "B-LOC")]


def test_more_columns_documents_and_comments(write):
    text = "-DOCSTART- -X- O O\n\n# id 1\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\n-DOCSTART- -X- O O\nOK UH O O\n"
    path = write("a.conll", text)
    assert [(line, row) for line, row in rows(path)] == [
        (4, {"words": ["EU", "rejects"], "col2": ["NNP", "VBZ"], "col3": ["B-NP", "B-VP"], "tags": ["B-ORG", "O"]}),
        (8, {"words": ["OK"], "col2": ["UH"], "col3": ["O"], "tags": ["O"]}),
    ]


def test_words_that_begin_with_a_hash_are_no_comments(write):
    path = write("a.conll", "# newdoc\n#Lagos B-LOC\n# O\nni O\n#tbt HT\n\n# O\n#1 O\n")
    assert sentences(path) == [(2, "#Lagos # ni #tbt", "B-LOC O O HT"), (7, "# #1", "O O")]


def test_tabs_allow_words_with_spaces_and_other_white_space_divides_nothing(write):
    assert sentences(write("a.conll", "New York\tB-LOC\n\u00a0x\tO\n"))[0][1:] == ("New York \u00a0x", "B-LOC O")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a O\nb O O\n", ":2"),
        ("a O\n\nb\n", ":3"),
        ("a\nb\n", ":1"),
        ("a\t\nb\tO\n", ":1"),
        ("1 a O\n2 b O\n\n1 c O\n", ":1"),
        ("# only a comment\n", ""),
        ("", ""),
    ],
)
def test_malformed_columns_are_refused_with_their_line(write, text, line):
    with pytest.raises(DataError, match=rf"a\.conll{line}: "):
        list(rows(write("a.conll", text)))


def conllu_line(name: str, form: str = "a", head: str = "0") -> str:
    return f"{name}\t{form}\tlemma-{form}\tNOUN\tNN\t_\t{head}\t_\t_\t_\n"


@pytest.mark.parametrize("name", ["a.conllu", "a.conll"])
def test_conllu_has_lemmas_and_both_kinds_of_tags(write, name):
    path = write(name, "# text = a b\n" + conllu_line("1") + conllu_line("2", "b", "1") + conllu_line("2.1", "c"))
    assert list(rows(path)) == [
        (
            1,
            {
                "words": ["a", "b"],
                "tags": ["NOUN", "NOUN"],
                "lemmas": ["lemma-a", "lemma-b"],
                "xpos": ["NN", "NN"],
            },
        )
    ]


def test_multiword_token_has_the_lemma_of_the_word_nearest_to_the_root(write):
    path = write("a.conllu", conllu_line("1-2", "zum") + conllu_line("1", "zu", "2") + conllu_line("2", "dem", "0"))
    ((_, row),) = rows(path)
    assert (row["words"], row["lemmas"]) == (["zum"], ["lemma-dem"])


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["1-x", "1"], 1),
        (["1", "2", "3-2"], 3),
        (["1-20000000", "1"], 1),
        (["1-99999999999", "1"], 1),
        (["1", "1"], 2),
        (["1", "3"], 2),
        (["2"], 1),
        (["1-2", "1", "5"], 1),
        (["1-3", "1", "2-3", "2", "3"], 3),
        (["1", "x"], 2),
        (["\u0661"], 1),
        (["-1"], 1),
    ],
)
def test_malformed_ids_are_refused_with_their_line(write, names, line):
    with pytest.raises(DataError, match=rf"a\.conllu:{line}: "):
        list(rows(write("a.conllu", "".join(conllu_line(name) for name in names))))


def test_heads_in_a_circle_end(write):
    path = write("a.conllu", conllu_line("1-2", "ab") + conllu_line("1", "a", "2") + conllu_line("2", "b", "1"))
    assert [row["words"] for _, row in rows(path)] == [["ab"]]
