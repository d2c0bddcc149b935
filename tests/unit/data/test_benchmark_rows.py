"""Rows of benchmark files whose values have other types than published are errors with file and line."""

import json
from pathlib import Path
from typing import Any

import pytest

from xstilts.data.benchmark_files import bind
from xstilts.data.load import load, rows_left_out
from xstilts.errors import DataError
from xstilts.tasks import load_task

XVNLI = {"gold_label": "neutral", "Flikr30kID": "1.jpg", "pairID": "p1", "sentence1": "a", "sentence2": "b"}
MARVL = {"concept": "7-Dog", "language": "tr", "caption": "a", "left_img": "7-1.jpg", "right_img": "7-2.jpg",
         "chapter": "Animal", "id": "tr-0", "label": True}  # fmt: skip
WIT = {"caption_reference_description": "a", "image_url": "https://a.org/1.jpg"}
FLICKR = {"sentences": ["ein Hund"], "id": "1", "img_path": "1.jpg"}
GQA = {"question_id": "q1", "question": "What?", "imageId": "n1", "answer": "dog"}
HELLASWAG = {"ind": 1, "ctx_a": "a", "ctx_b": "b", "ctx": "a b", "endings": ["c", "d", "e", "f"], "label": 1,
             "activity_label": "x", "source_id": "s", "split": "val"}  # fmt: skip
FILES = {
    "xvnli": ("fr", "test", "XVNLI/annotations/fr/test.jsonl", XVNLI),
    "marvl": ("tr", "test", "marvl/zero_shot/annotations/marvl-tr.jsonl", MARVL),
    "wit": ("el", "test", "wit/annotations/test_el.jsonl", WIT),
    "xflickrco": ("de", "test", "xFlickrCO/annotations/de/test.jsonl", FLICKR),
    "hellaswag": ("en", "dev", "hellaswag/hellaswag_val.jsonl", HELLASWAG),
    "xgqa": ("de", "test-few-shot", "xGQA/annotations/few_shot/de/test.json", GQA),
}
TEXTS = {
    "xvnli": ("sentence2", "Flikr30kID"),
    "marvl": ("caption", "left_img"),
    "wit": ("caption_reference_description", "image_url"),
    "xflickrco": ("sentences", "img_path"),
    "hellaswag": ("ctx_a", "endings"),
    "xgqa": ("question",),
}


def write(root: Path, name: str, row: dict[str, Any]) -> Path:
    path = root / FILES[name][2]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(row)
    path.write_text(f"[{text}]" if path.suffix == ".json" else f"{text}\n", encoding="utf-8")
    return path


def read(root: Path, name: str):
    language, split, *_ = FILES[name]
    task = bind(load_task(name), root=root, cache=root / "cache")
    return task, load(task, language, split, cache=root / "cache", offline=True)


@pytest.mark.parametrize("name", FILES)
def test_published_rows_are_read(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, FILES[name][3])
    assert len(read(tmp_path, name)[1]) == 1


@pytest.mark.parametrize("value", [7, None, True, 1.5, [7], {"a": 1}], ids=repr)
@pytest.mark.parametrize(("name", "field"), [(name, field) for name, fields in TEXTS.items() for field in fields])
def test_a_text_of_another_type_is_refused_with_its_line(tmp_path: Path, name: str, field: str, value: object) -> None:
    path = write(tmp_path, name, FILES[name][3] | {field: value})
    with pytest.raises(DataError) as caught:
        read(tmp_path, name)
    assert f"{path}:" in caught.value.message and " 1" in caught.value.message.replace(":1:", " 1")


def test_rows_without_a_label_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "xvnli", XVNLI)
    rows = [XVNLI | {"pairID": str(number), "gold_label": label} for number, label in enumerate(("-", "neutral", "-"))]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    task, examples = read(tmp_path, "xvnli")
    assert (len(examples), rows_left_out(task, "fr", "test", tmp_path / "cache")) == (1, 2)
    assert rows_left_out(task, "fr", "dev", tmp_path / "cache") == 0
