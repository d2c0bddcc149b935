"""The tasks of IGLUE, on files laid out as its repository lays them out."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from xstilts.data.benchmark_files import bind
from xstilts.data.load import load
from xstilts.errors import DataError
from xstilts.metrics import metric
from xstilts.problems import Caption, Example, ImageText
from xstilts.problems.scores import score_frame
from xstilts.tasks import load_task
from xstilts.tasks.task import Task


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def write(root: Path, name: str, *rows: object) -> None:
    path = root / "multimodal" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")


def bound(name: str, root: Path) -> Task:
    return bind(load_task(name), root=root, cache=root.parent / "cache")


def examples(name: str, root: Path, language: str, split: str) -> Sequence[Example]:
    return load(bound(name, root), language, split, cache=root.parent / "cache", offline=True)


def pair(number: int, label: str = "neutral", image: str = "77") -> dict[str, str]:
    return {
        "gold_label": label,
        "sentence1": "A premise.",
        "sentence2": f"Hypothesis {number}.",
        "pairID": f"{image}.jpg#0r{number}",
        "Flikr30kID": image,
    }


def test_entailment_reads_image_and_hypothesis_and_skips_unlabelled_rows(root: Path) -> None:
    write(root, "XVNLI/annotations/ar/test.jsonl", pair(1, "entailment"), pair(2, "-"), pair(3, image="78.jpg"))
    first, second = examples("xvnli", root, "ar", "test")
    assert first == ImageText(
        id="77.jpg#0r1",
        group="flickr30k:77",
        language="ar",
        text="Hypothesis 1.",
        images=("flickr30k:77",),
        label="entailment",
    )
    assert isinstance(second, ImageText) and second.images == ("flickr30k:78",)


def test_unlabelled_rows_count_in_iglues_denominator() -> None:
    items = [(str(n), "group") for n in range(1150)]
    found = ["neutral"] * 889 + ["entailment"] * 261
    frame = score_frame("image-text", items, ["neutral"] * 1150, found, rows=load_task("xvnli").rows_per_item)
    assert metric("iglue_compat").score(frame) == pytest.approx(889 / 1164)
    assert metric("accuracy").score(frame) == pytest.approx(889 / 1150)


def test_the_training_set_of_a_language_is_its_largest_few_shot_file(root: Path) -> None:
    for k in (1, 5, 10):
        write(root, f"XVNLI/annotations/ru/train_{k}.jsonl", *(pair(n, image=str(n)) for n in range(k)))
        write(root, f"XVNLI/annotations/en/train_{k}.jsonl", *(pair(n, image=str(n)) for n in range(k)))
    task = bound("xvnli", root)
    assert set(task.splits["ru"]) == {"shots-1", "shots-5", "shots-10", "train"}
    assert len(examples("xvnli", root, "ru", "train")) == 10
    assert {e.id for e in examples("xvnli", root, "ru", "shots-5")} < {
        e.id for e in examples("xvnli", root, "ru", "train")
    }
    assert set(task.splits["en"]) == {"shots-1", "shots-5", "shots-10"}
    write(root, "XVNLI/annotations/en/train.jsonl", *(pair(n, image=str(n)) for n in range(100, 120)))
    assert len(examples("xvnli", root, "en", "train")) == len(examples("snli-ve", root, "en", "train")) == 20


def question(image: str, answer: str) -> dict[str, object]:
    return {"imageId": image, "question": f"What is in {image}?", "answer": answer, "types": {}}


def test_answers_are_classes_that_are_given(root: Path) -> None:
    write(root, "gqa/annotations/trainval_label2ans.json", ["yes", "no", "dog"])
    few = {"11": question("n1", "yes"), "12": question("n1", "unheard of")}
    write(root, "xGQA/annotations/few_shot/bn/train_1.json", few)
    write(root, "xGQA/annotations/few_shot/bn/test.json", few)
    assert bound("xgqa", root).labels == ("dog", "no", "yes")
    assert [e.id for e in examples("xgqa", root, "bn", "shots-1")] == ["11"]
    first, second = examples("xgqa", root, "bn", "test-few-shot")
    assert isinstance(second, ImageText) and second.label == "unheard of"
    assert first.group == "gqa:n1" and isinstance(first, ImageText) and first.images == ("gqa:n1",)


def test_the_classes_are_part_of_the_fingerprint(root: Path) -> None:
    prints = []
    for answers in (["yes"], ["yes", "no"]):
        write(root, "gqa/annotations/trainval_label2ans.json", answers)
        prints.append(bound("xgqa", root).fingerprint("bn"))
    assert prints[0] != prints[1]
    write(root, "gqa/annotations/trainval_label2ans.json", {"yes": 1})
    with pytest.raises(DataError, match="not a list of strings"):
        bound("xgqa", root)


def test_english_questions_have_a_layout_of_their_own(root: Path) -> None:
    row = {"img_id": "235859", "label": {"women": 1.0}, "question_id": "20", "sent": "Who is wearing the dress?"}
    write(root, "gqa/annotations/train.json", [row, row | {"question_id": "21", "label": {}}])
    (found,) = examples("gqa", root, "en", "train")
    assert found == ImageText(
        id="20",
        group="gqa:235859",
        language="en",
        text="Who is wearing the dress?",
        images=("gqa:235859",),
        label="women",
    )
    assert list(examples("xgqa", root, "en", "train")) == [found]


def statement(number: int, concept: str, *, folder: str = "", language: str = "zh") -> dict[str, object]:
    return {
        "concept": concept,
        "language": language,
        "caption": f"Statement {number}.",
        "left_img": f"{folder}{concept[:2]}-{number}.jpg",
        "right_img": f"{folder}{concept[:2]}-{number + 1}.jpg",
        "id": f"{language}-{number}",
        "label": number % 2 == 0,
    }


def test_statements_are_about_two_images_of_their_language(root: Path) -> None:
    write(root, "marvl/zero_shot/annotations/marvl-zh.jsonl", statement(0, "52-a"))
    write(root, "marvl/few_shot/annotations/marvl-zh_train1.jsonl", statement(0, "52-a", folder="52-a/"))
    (scored,) = examples("marvl", root, "zh", "test")
    assert isinstance(scored, ImageText) and scored.images == ("marvl:zh/52-0.jpg", "marvl:zh/52-1.jpg")
    assert (scored.id, scored.group, scored.label) == ("zh-0", "zh:52-a", "true")
    (shot,) = examples("marvl", root, "zh", "shots-1")
    assert isinstance(shot, ImageText) and shot.images == scored.images
    assert (shot.id, shot.group) == ("few:zh-0", "few:zh:52-a")


def test_sampled_draws_exclude_images_of_the_test_set(root: Path) -> None:
    rows = [statement(0, "52-a"), statement(2, "73-福建土楼")]
    write(root, "marvl/few_shot/annotations/marvl-zh_train10x2.jsonl", *rows)
    assert [e.group for e in examples("marvl", root, "zh", "train")] == ["few:zh:52-a"]
    assert len(examples("marvl", root, "zh", "shots-10x2")) == 2


def test_english_statements_are_those_of_nlvr2(root: Path) -> None:
    row = {"identifier": "dev-850-2-1", "sentence": "There is a bottle.", "label": "False"}
    write(root, "nlvr2/annotations/dev.jsonl", row)
    write(root, "nlvr2/annotations/dev-tr_gmt.jsonl", row | {"sentence": "Bir şişe var."})
    (english,) = examples("marvl", root, "en", "dev")
    assert english == examples("nlvr2", root, "en", "dev")[0]
    assert isinstance(english, ImageText) and english.images == ("nlvr2:dev-850-2-img0", "nlvr2:dev-850-2-img1")
    assert (english.group, english.label) == ("dev-850", "false")
    (turkish,) = examples("marvl", root, "tr", "dev-mt")
    assert (turkish.id, turkish.group) == (english.id, english.group)
    write(root, "nlvr2/annotations/dev.jsonl", row | {"label": "perhaps"})
    with pytest.raises(DataError, match=r"dev\.jsonl:1: .* is neither true nor false"):
        examples("nlvr2", root, "en", "dev")


def test_captions_name_photographs_by_their_files(root: Path) -> None:
    rows = [
        {"sentences": ["Ein Hund."], "id": "5", "img_path": "5.jpg"},
        {"sentences": ["Ein Rad."], "id": 9, "img_path": "COCO_val2014_000000000009.jpg"},
        {"sentences": [""], "id": 10, "img_path": "COCO_val2014_000000000010.jpg"},
    ]
    write(root, "xFlickrCO/annotations/de/test.jsonl", *rows)
    dog, wheel = examples("xflickrco", root, "de", "test")
    assert dog == Caption(id="5", group="flickr30k:5", language="de", text="Ein Hund.", image="flickr30k:5")
    assert isinstance(wheel, Caption) and wheel.image == "coco:COCO_val2014_000000000009"


def test_several_captions_of_an_image_have_different_ids(root: Path) -> None:
    write(root, "xFlickrCO/annotations/de/train_100x5.jsonl", {"sentences": ["a b", "c d"], "img_path": "5.jpg"})
    found = examples("xflickrco", root, "de", "shots-100x5")
    assert [(e.id, e.group) for e in found] == [("5#0", "flickr30k:5"), ("5#1", "flickr30k:5")]
    assert "train" not in bound("xflickrco", root).splits["de"]


def test_blank_captions_are_skipped(root: Path) -> None:
    texts = ("A bridge", "\u00a0", ".", " ", "...?")
    rows = [
        {"image_url": f"http://upload.org/{n}.jpg", "caption_reference_description": text, "wit_ix": n}
        for n, text in enumerate(texts)
    ]
    again = {"image_url": "https://upload.org/0.jpg", "caption_reference_description": "A bridge", "wit_ix": 0}
    write(root, "wit/annotations/test_el.jsonl", *rows, again)
    found = examples("wit", root, "el", "test")
    assert [e.text for e in found if isinstance(e, Caption)] == ["A bridge", "...?", "A bridge"]
    assert [e.group for e in found] == [f"wit:https://upload.org/{n}.jpg" for n in (0, 4, 0)]
