"""Pairing rows of translation files with the examples that they translate."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from xstilts.data.translation.files import read_translations
from xstilts.data.translation.translate import Translated
from xstilts.errors import DataError
from xstilts.formats.benchmarks import unquoted_tsv
from xstilts.problems import Answer, Choice, Example, Labelled, ProblemName, Span, Tagged
from xstilts.tasks.benchmark import Benchmark, Native, group_by
from xstilts.tasks.task import Task

PAIRS = [
    Labelled(id=f"train-{n}", group=f"g{n}", language="en", text=text, pair=pair, label=label)
    for n, (text, pair, label) in enumerate(
        [
            ("The cat sleeps.", "An animal rests.", "entailment"),
            ("The cat sleeps.", "The cat runs.", "contradiction"),
            ("It rains.", "It is cold.", "neutral"),
        ]
    )
]


def task(problem: ProblemName, benchmark: Benchmark | None = None) -> Task:
    return Task(
        name="t", problem=problem, suite=(), languages=("en",), benchmark=benchmark, licence="", citation="", url=""
    )


def read(
    path: Path,
    examples: Sequence[Example],
    problem: ProblemName,
    columns: dict[str, str] | None = None,
    benchmark: Benchmark | None = None,
    wanted: Sequence[Example] | None = None,
) -> Translated:
    return read_translations(path, task(problem, benchmark), columns, examples, wanted or examples, "sw")


def write(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_xtreme_rows_are_paired_by_their_original_text(tmp_path: Path):
    path = write(
        tmp_path,
        "en-sw-translated.tsv",
        "It rains.\tIt is cold.\tMvua.\tBaridi.\tneutral",
        "Nobody wrote this.\tOr this.\tA.\tB.\tneutral",
        "The cat  sleeps.\tThe cat runs.\tPaka amelala.\tPaka anakimbia.\tcontradictory",
    )
    done = read(path, PAIRS, "classification")
    assert [(e.id, e.group, e.language) for e in done.examples] == [("train-1", "g1", "sw"), ("train-2", "g2", "sw")]
    first = done.examples[0]
    assert isinstance(first, Labelled)
    assert (first.text, first.pair, first.label) == ("Paka amelala.", "Paka anakimbia.", "contradiction")
    assert done.dropped == {"no row": 1}


def test_rows_without_originals_are_paired_by_position_and_checked_by_label(tmp_path: Path):
    rows = ["Paka.\tMnyama.\tentailment", "Paka.\tAnakimbia.\tneutral", "Mvua.\t\tneutral"]
    done = read(write(tmp_path, "sw.tsv", *rows), PAIRS, "classification")
    assert [example.id for example in done.examples] == ["train-0"]
    assert done.dropped == {"another label": 1, "empty": 1}
    with pytest.raises(DataError, match=r"sw\.tsv .*2 .*3 "):
        read(write(tmp_path, "sw.tsv", *rows[:2]), PAIRS, "classification")


def test_a_subset_is_paired_by_positions_in_the_full_split(tmp_path: Path):
    path = write(tmp_path, "sw.tsv", "A.\tB.\tentailment", "C.\tD.\tcontradiction", "E.\tF.\tneutral")
    (only,) = read(path, PAIRS, "classification", wanted=PAIRS[2:]).examples
    assert isinstance(only, Labelled) and (only.id, only.text) == ("train-2", "E.")


def test_columns_of_the_recipe_are_read_and_paired_by_id(tmp_path: Path):
    path = write(tmp_path, "sw.csv", "key,a,b,gold", "train-2,Mvua.,Baridi.,2", "train-0,Paka.,Mnyama.,0")
    columns = {"id": "key", "text": "a", "pair": "b", "label": "gold"}
    done = read(path, PAIRS, "classification", columns)
    assert [(e.id, getattr(e, "label", None)) for e in done.examples] == [
        ("train-0", "entailment"),
        ("train-2", "neutral"),
    ], "labels by another name are the original's"


def test_the_native_layout_of_a_benchmark_is_read(tmp_path: Path):
    native = Native(
        read=unquoted_tsv,
        english={"train": "mnli/train.tsv"},
        fields=lambda row: {"text": row["s1"], "pair": row["s2"], "label": row["gold"]},
    )
    path = write(tmp_path, "mnli-sw.tsv", "s1\ts2\tx\tgold", *(f"A{n}.\tB.\t-\t{PAIRS[n].label}" for n in range(3)))
    benchmark = Benchmark(hub=(), groups=group_by("text"), native=(native,))
    done = read(path, PAIRS, "classification", benchmark=benchmark)
    assert [getattr(example, "text", None) for example in done.examples] == ["A0.", "A1.", "A2."]


def squad(folder: Path, *questions: dict) -> Path:
    paragraphs = [{"context": q.pop("context"), "qas": [q]} for q in questions]
    return write(folder, "sw.json", json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}))


def test_questions_are_paired_by_id_and_answers_are_located(tmp_path: Path):
    context = "Amani built it."
    answer = (Answer(text="Amani", start=0),)
    english = [
        Span(id=f"q{n}", group="c", language="en", question="Who?", context=context, answers=answers)
        for n, answers in enumerate([answer, answer, answer, answer, ()])
    ]
    swahili = "Ilijengwa na Amani."
    path = squad(
        tmp_path,
        {"id": "q0", "question": "Nani?", "context": swahili, "answers": [{"text": "Amani", "answer_start": 13}]},
        {"id": "q1", "question": "Nani?", "context": swahili, "answers": [{"text": "amani", "answer_start": 2}]},
        {"id": "q2", "question": "Nani?", "context": swahili, "answers": [{"text": "Baraka", "answer_start": 13}]},
        {"id": "q3", "question": "Nani?", "context": swahili, "answers": []},
        {"id": "q4", "question": "Nani?", "context": swahili, "answers": [], "is_impossible": True},
    )
    done = read(path, english, "span")
    assert done.dropped == {"unprojectable": 2}
    assert [(e.id, getattr(e, "answers", None)) for e in done.examples] == [
        ("q0", (Answer(text="Amani", start=13),)),
        ("q1", (Answer(text="Amani", start=13),)),
        ("q4", ()),
    ]


def test_choices_keep_their_answer_and_must_be_equally_many(tmp_path: Path):
    english = [
        Choice(id=f"c{n}", group="g", language="en", prompt="Which?", choices=("a", "b"), answer=1) for n in range(2)
    ]
    rows = [{"id": "c0", "prompt": "Ipi?", "choices": ["x", "y"], "answer": "y"}]
    rows += [{"id": "c1", "prompt": "Ipi?", "choices": ["x", "y", "z"]}]
    done = read(write(tmp_path, "sw.jsonl", *map(json.dumps, rows)), english, "choice")
    assert done.examples == (Choice(id="c0", group="g", language="sw", prompt="Ipi?", choices=("x", "y"), answer=1),)
    assert done.dropped == {"other choices": 1}


def test_tags_are_read_from_the_file(tmp_path: Path):
    english = [Tagged(id="t0", group="g", language="en", words=("red", "lamp"), tags=("O", "B-x"))]
    row = {"id": "t0", "words": ["taa", "nyekundu"], "tags": ["B-x", "O"]}
    (done,) = read(write(tmp_path, "sw.jsonl", json.dumps(row)), english, "tagging").examples
    assert done == Tagged(id="t0", group="g", language="sw", words=("taa", "nyekundu"), tags=("B-x", "O"))


def test_a_missing_column_is_located(tmp_path: Path):
    path = write(tmp_path, "sw.csv", "id,text", "train-0,Paka.")
    with pytest.raises(DataError, match=r"sw\.csv:2: .*'pair'"):
        read(path, PAIRS, "classification")
