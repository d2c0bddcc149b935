"""Readers of published image annotations."""

import json
from pathlib import Path

import pytest

from xstilts.errors import DataError
from xstilts.formats.image_annotations import captions, first_captions, visual_questions


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def test_each_sentence_of_a_line_is_a_caption(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"sentences": ["one"], "id": 1}, {"sentences": ["two", "three"], "id": 2})
    rows = [(line, row["id"], row["caption"], row["place"]) for line, row in captions(path)]
    assert rows == [(1, 1, "one", None), (2, 2, "two", 0), (2, 2, "three", 1)]
    assert [(line, row["caption"], row["place"]) for line, row in first_captions(path)] == [
        (1, "one", None),
        (2, "two", None),
    ]


def test_a_line_without_sentences_is_located(tmp_path: Path) -> None:
    for second in ({"sentence": "two"}, {"sentences": "two"}, {"sentences": ["two", 3]}):
        path = write(tmp_path / "a.jsonl", {"sentences": ["one"]}, second)
        with pytest.raises(DataError, match=r"a\.jsonl:2: `sentences`"):
            list(captions(path))


def test_visual_questions_are_a_list_or_an_object_by_id(tmp_path: Path) -> None:
    listed = write(tmp_path / "a.json", [{"question_id": "7", "sent": "?"}])
    assert list(visual_questions(listed)) == [(1, {"question_id": "7", "sent": "?"})]
    named = write(tmp_path / "b.json", {"7": {"question": "?"}, "8": {"question": "!"}})
    assert [(n, row["question_id"], row["question"]) for n, row in visual_questions(named)] == [
        (1, "7", "?"),
        (2, "8", "!"),
    ]


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("{", ":1:"),
        ("3", ":1:"),
        ('[{"a": 1}, 2]', ": question 2 "),
        ('[{"question": "?"}, {"question": 2}]', ": question 2 "),
        ('{"7": {"sent": ["?"]}}', ": question 1 "),
    ],
)
def test_other_layouts_are_located(tmp_path: Path, text: str, location: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=rf"a\.json{location}"):
        list(visual_questions(tmp_path / "a.json"))
