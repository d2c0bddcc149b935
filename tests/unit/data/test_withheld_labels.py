"""Test files whose labels XTREME's download script removes are unlabelled, and a run says so before it trains."""

import json
from pathlib import Path

import pytest
from tests.tiny import build as build_encoder

from xstilts.api import runs
from xstilts.data.benchmark_files import bind
from xstilts.data.load import check_labels, load
from xstilts.errors import DataError
from xstilts.tasks import load_task

FILES = {
    ("xquad", "de", "test"): "xquad/xquad.de.json",
    ("mlqa", "de", "test"): "mlqa/MLQA_V1/test/test-context-de-question-de.json",
    ("tydiqa", "fi", "test"): "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.fi.dev.json",
    ("tydiqa", "fi", "train"): "tydiqa/tydiqa.goldp.fi.train.json",
}


def write_questions(path: Path, answers: list[dict[str, object]]) -> None:
    questions = [{"id": "q1", "question": "Who?", "answers": answers}]
    articles = [{"paragraphs": [{"context": "Ada wrote it.", "qas": questions}]}]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": "1.1", "data": articles}), encoding="utf-8")


def read(root: Path, name: str, language: str, split: str):
    task = bind(load_task(name), root=root, cache=root / "cache")
    return task, load(task, language, split, cache=root / "cache", offline=True)


@pytest.mark.parametrize("place", FILES, ids=lambda place: "-".join(place))
@pytest.mark.parametrize("answers", [[{"answer_start": 0, "text": ""}], [{"answer_start": 0, "text": " "}], []])
def test_a_question_without_an_answer_is_unlabelled(tmp_path: Path, place, answers) -> None:
    write_questions(tmp_path / FILES[place], answers)
    name, language, split = place
    task, examples = read(tmp_path, name, language, split)
    assert [example.target for example in examples] == [None]
    with pytest.raises(DataError) as caught:
        check_labels(examples, task, split)
    assert Path(FILES[place]).name in caught.value.message
    assert task.benchmark is not None and task.benchmark.labels_from in caught.value.hint


@pytest.mark.parametrize("place", FILES, ids=lambda place: "-".join(place))
def test_a_question_with_an_answer_is_labelled(tmp_path: Path, place) -> None:
    write_questions(tmp_path / FILES[place], [{"answer_start": 0, "text": "Ada"}])
    _, examples = read(tmp_path, *place)
    assert [[answer.text for answer in example.target] for example in examples] == [["Ada"]]


def test_an_empty_answer_of_squad_2_is_unanswerable(tmp_path: Path) -> None:
    write_questions(tmp_path / "squad/dev-v2.0.json", [])
    _, examples = read(tmp_path, "squad2", "en", "dev")
    assert [example.target for example in examples] == [()]


def test_sorted_english_sentences_of_tatoeba_are_no_labels(tmp_path: Path) -> None:
    (tmp_path / "tatoeba").mkdir()
    (tmp_path / "tatoeba/th-en.th").write_text("b\na\n", encoding="utf-8")
    (tmp_path / "tatoeba/th-en.en").write_text("A\nB\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read(tmp_path, "tatoeba", "th", "test")
    assert "th-en.th" in caught.value.message and "LASER" in caught.value.hint
    (tmp_path / "tatoeba/tatoeba.tha-eng.tha").write_text("b\na\n", encoding="utf-8")
    (tmp_path / "tatoeba/tatoeba.tha-eng.eng").write_text("B\nA\n", encoding="utf-8")
    _, examples = read(tmp_path, "tatoeba", "th", "test")
    assert [(example.text, example.english) for example in examples] == [("b", "B"), ("a", "A")]


def test_a_run_names_every_unlabelled_file_before_it_trains(tmp_path: Path) -> None:
    labelled, removed = [{"answer_start": 0, "text": "Ada"}], [{"answer_start": 0, "text": ""}]
    for file, answers in {
        "squad/train-v1.1.json": labelled,
        "squad/dev-v1.1.json": labelled,
        "xquad/xquad.en.json": labelled,
        "xquad/xquad.de.json": removed,
        "xquad/xquad.el.json": removed,
    }.items():
        write_questions(tmp_path / "root" / file, answers)
    encoder = build_encoder("xlm-roberta", tmp_path / "encoder")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"name: withheld\nencoder: {encoder}\nseeds: [0]\n"
        "targets: {xquad: {languages: [de, el], train: {steps: 1, batch_size: 2, max_length: 32}}}\n"
    )
    store = tmp_path / "store"
    with pytest.raises(DataError) as caught:
        runs.run(recipe, store=store, offline=True, data_root=tmp_path / "root", workers=1)
    assert "xquad.de.json" in caught.value.message and "xquad.el.json" in caught.value.message
    assert not list(store.glob("artifacts/*"))
