"""CoNLL-U files as XTREME converts them; the expected words and tags are those of its scripts."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from xstilts.data.benchmark_files import bind
from xstilts.data.load import load, rows_left_out
from xstilts.errors import DataError
from xstilts.formats.xtreme_pos import xtreme_treebank
from xstilts.problems.scores import item_statistics
from xstilts.tasks import load_task


def line(number: str, form: str, tag: str, head: int | str, deps: str = "_") -> str:
    return "\t".join([number, form, "_", tag, "_", "_", str(head), "dep", deps, "_"])


HABERSE = [
    line("1", "puede", "VERB", 0),
    line("2-3", "haberse", "_", "_"),
    line("2", "haber", "AUX", 4),
    line("3", "se", "PRON", 4),
    line("4", "dicho", "VERB", 1),
]


def write(path: Path, *sentences: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\n".join(lines) + "\n\n" for lines in sentences), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("language", "tag"), [("es", "AUX"), ("fr", "AUX"), ("it", "AUX"), ("pt", "PRON"), ("de", "PRON")]
)
def test_a_fused_word_is_tagged_by_the_precedence_of_its_language(tmp_path: Path, language: str, tag: str) -> None:
    ((number, row),) = xtreme_treebank(write(tmp_path / f"{language}_gsd-ud-test.conllu", HABERSE))
    assert (number, row["words"], row["tags"]) == (1, ["puede", "haberse", "dicho"], ["VERB", tag, "VERB"])


@pytest.mark.parametrize(
    ("language", "tags", "tag"),
    [
        ("fr", ("ADP", "ADJ"), "ADJ"),
        ("it", ("PRON", "ADV"), "ADV"),
        ("es", ("DET", "ADP"), "ADP"),
        ("ar", ("CCONJ", "NOUN"), "NOUN"),
    ],
)
def test_other_precedences(tmp_path: Path, language: str, tags: tuple[str, str], tag: str) -> None:
    lines = [line("1-2", "x", "_", "_"), line("1", "a", tags[0], 3), line("2", "b", tags[1], 3), line("3", "c", "X", 0)]
    ((_, row),) = xtreme_treebank(write(tmp_path / f"{language}_a-ud-test.conllu", lines))
    assert row["tags"] == [tag, "X"]


def test_enhanced_dependencies_count_as_ancestors(tmp_path: Path) -> None:
    lines = [
        line("1-2", "zum", "_", "_"),
        line("1", "zu", "ADP", 3, "3:case|4:x"),
        line("2", "dem", "DET", 3),
        line("3", "Haus", "NOUN", 0),
        line("4", "hin", "ADV", 3),
    ]
    ((_, row),) = xtreme_treebank(write(tmp_path / "de_a-ud-test.conllu", lines))
    assert row["tags"] == ["DET", "NOUN", "ADV"]


@pytest.mark.parametrize(
    ("forms", "withheld"),
    [("_ _ _", True), ("_ _ a", True), ("_ a b", False), ("_", True), ("_ a", True), ("a", False), ("a b", False)],
)
def test_sentences_without_text_are_recognised(tmp_path: Path, forms: str, withheld: bool) -> None:
    lines = [line(str(n), form, "NOUN", n - 1) for n, form in enumerate(forms.split(), start=1)]
    ((_, row),) = xtreme_treebank(write(tmp_path / "fr_ftb-ud-test.conllu", lines))
    assert row["withheld"] is withheld


def test_sentences_without_text_are_left_out_and_counted(tmp_path: Path) -> None:
    hidden = [line("1", "_", "NOUN", 0), line("2", "_", "VERB", 1)]
    write(tmp_path / "udpos/fr_ftb-ud-test.conllu", hidden, HABERSE, hidden)
    task = bind(load_task("udpos"), root=tmp_path, cache=tmp_path / "cache")
    examples = load(task, "fr", "test", cache=tmp_path / "cache", offline=True)
    assert [example.words for example in examples] == [("puede", "haberse", "dicho")]
    assert rows_left_out(task, "fr", "test", tmp_path / "cache") == 2


def test_treebanks_are_joined_in_the_order_of_their_file_names(tmp_path: Path) -> None:
    for folder, name in (("UD_English-PUD", "pud"), ("UD_English-ParTUT", "partut"), ("UD_English-EWT", "ewt")):
        write(tmp_path / f"{folder}/en_{name}-ud-test.conllu", [line("1", name, "X", 0)])
    task = bind(load_task("udpos"), root=tmp_path, cache=tmp_path / "cache")
    examples = load(task, "en", "test", cache=tmp_path / "cache", offline=True)
    assert [example.words for example in examples] == [("ewt",), ("partut",), ("pud",)]


@pytest.mark.parametrize("number", ["1-x", "3-2", "1-20000000", "1-99999999999", "0", "2", "x", "1-", "-1", "١"])
def test_ids_that_number_no_words_are_refused(tmp_path: Path, number: str) -> None:
    path = write(tmp_path / "de_a-ud-test.conllu", [line(number, "a", "X", 0), line("1", "a", "X", 0)])
    with pytest.raises(DataError) as caught:
        list(xtreme_treebank(path))
    assert f"{path}:1: " in caught.value.message and repr(number) in caught.value.message


def test_a_range_over_a_missing_word_is_refused(tmp_path: Path) -> None:
    words = [line("1", "a", "X", 0), line("2-3", "b", "_", "_"), line("2", "b", "X", 1), line("4", "d", "X", 1)]
    with pytest.raises(DataError, match=":2: "):
        list(xtreme_treebank(write(tmp_path / "de.conllu", words)))


def test_a_gap_in_the_ids_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "de_a-ud-test.conllu", [line("1", "a", "X", 0), line("3", "b", "X", 0)])
    with pytest.raises(DataError, match=":2: "):
        list(xtreme_treebank(path))


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ([["NOUN", "_"], ["_", "VERB"]], [["NOUN", "_"], ["_", "X"]], (3, 4, 4)),
        ([["_", "_", "NOUN"], ["_"]], [["_", "_", "NOUN"], ["_"]], (3, 3, 3)),
        ([["CCONJ"]], [["SCONJ"]], (0, 1, 1)),
        ([["X"]], [["X"]], (1, 1, 1)),
    ],
)
def test_tags_are_compared_as_by_the_seqeval_of_xtreme(
    gold: list[list[str]], predicted: list[list[str]], expected: tuple[int, int, int]
) -> None:
    """Counts by seqeval 0.0.12."""
    statistics = item_statistics("tagging", gold, predicted)
    names = ("true_positive", "predicted_spans", "gold_spans")
    assert tuple(sum(statistics[name]) for name in names) == expected
