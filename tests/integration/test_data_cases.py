"""Files as people have them, through the command line: what is wrong is named before anything is trained."""

import json

import polars as pl
import pytest
from tests import tiny

from xstilts import cli

CLASSIFICATION = {"problem": "classification", "columns": {"text": "text", "label": "label"}}
TAGGING = {"problem": "tagging", "columns": {"words": "words", "tags": "tags"}}
EN = [
    {"text": f"{word} {number}", "label": label}
    for number in range(4)
    for word, label in (("good", "positive"), ("bad", "negative"))
]

DEV = [{"text": "okay", "label": "positive"}, {"text": "sad", "label": "negative"}]


def labelled(*labels):
    return [{"text": f"chakula {number}", "label": label} for number, label in enumerate(labels)]


@pytest.fixture
def plan(tmp_path, capsys):
    """Exit code, stdout and stderr of `plan` on a task whose files are lists of rows (JSON lines), text or bytes."""

    def run(task, files, command="plan", **recipe):
        by_language: dict[str, dict[str, str]] = {}
        for name, content in files.items():
            language, split = name.partition(".")[0].split("-", 1)
            if isinstance(content, list):
                content = "".join(json.dumps(row) + "\n" for row in content)
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
            by_language.setdefault(language, {})[split] = name
        recipe = {"name": "r", "targets": {"mine": {}}} | recipe | {"tasks": {"mine": task | {"files": by_language}}}
        (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
        code = cli.call([command, str(tmp_path / "recipe.yaml"), "--store", str(tmp_path / "store"), "--offline"])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def classify(plan, sw, **more):
    files = {"en-train.jsonl": EN, "en-dev.jsonl": DEV, "en-test.jsonl": [{"text": "fine", "label": "positive"}], **sw}
    return plan(CLASSIFICATION | more.pop("task", {}), files, **more)


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        (labelled("1.0", "0.0", "positive"), ["'1.0'"]),
        (labelled("Positive", "negative"), ["'Positive' (1)", "'positive'"]),
        (labelled("positive\u200f", "negative"), ["'positive\\u200f'"]),
        (labelled(["positive"], ["negative", "food"]), ["sw-test.jsonl:2"]),
        (labelled("positive", float("nan")), ["sw-test.jsonl:2"]),
        (labelled("positive", None, ""), ["sw-test.jsonl:2", "1 row more"]),
        (labelled("chanya", "hasi"), ["'chanya' (1)", "'negative' (4)"]),
        ([EN[0] | {"text": ""}, {"txt": "a", "label": "positive"}], ["sw-test.jsonl:1", "sw-test.jsonl:2"]),
        ([EN[1], {"text": "x", "label": "positive"}], ["en-train.jsonl:2 = sw-test.jsonl:1"]),
    ],
)
def test_errors_in_labels_and_rows_are_named_at_plan(plan, rows, named):
    code, out, err = classify(plan, {"sw-test.jsonl": rows})
    if rows == labelled("1.0", "0.0", "positive"):
        assert code == 0 and named[0] in out, "new classes are a warning"
        return
    assert code == 2 and out == ""
    assert all(text in err for text in named), err


def test_a_list_of_one_label_is_that_label(plan):
    assert classify(plan, {"sw-test.jsonl": labelled(["positive"], "['negative']")})[0] == 0


def test_errors_of_all_files_are_named_at_once(plan):
    sw = {"sw-test.jsonl": labelled("positive", ""), "sw-train.jsonl": labelled("", "positive")}
    code, _, err = classify(plan, sw)
    assert code == 2 and "sw-test.jsonl:2" in err and "sw-train.jsonl:1" in err


@pytest.mark.parametrize(
    ("task", "code"),
    [({"labels": {"map": {"chanya": "positive", "hasi": "negative"}}}, 0), ({"labels": {"normalise": True}}, 2)],
)
def test_labels_can_be_mapped(plan, task, code):
    assert classify(plan, {"sw-test.jsonl": labelled("chanya", "hasi")}, task=task)[0] == code


def test_labels_can_be_normalised(plan):
    task = {"labels": {"normalise": True}}
    assert classify(plan, {"sw-test.jsonl": labelled("Positive", "['negative\u200b']")}, task=task)[0] == 0


def test_one_class_is_an_error(plan):
    code, _, err = plan(CLASSIFICATION, {"en-train.jsonl": EN[:1], "en-dev.jsonl": DEV, "en-test.jsonl": EN[1:2]})
    assert code == 2 and "'positive'" in err


def test_duplicates_are_refused_or_dropped(plan):
    sw = {"sw-train.jsonl": labelled("positive", "negative"), "sw-test.jsonl": [*labelled("positive"), *EN[1:2]]}
    code, _, err = classify(plan, sw)
    assert code == 2 and "en-train.jsonl:2 = sw-test.jsonl:2" in err
    pool_only = sw | {"sw-test.jsonl": [*labelled("positive"), {"text": "x", "label": "negative"}]}
    code, out, _ = classify(plan, pool_only)
    assert code == 0 and "sw-train.jsonl:1 = sw-test.jsonl:1" in out
    code, out, _ = classify(plan, sw, task={"duplicates": "drop-train"})
    assert code == 0 and out.count("left out (1 row") == 2


def test_fewer_shots_than_asked_are_told(plan):
    test = [{"text": "njema", "label": "positive"}, {"text": "duni", "label": "negative"}]
    sw = {"sw-train.jsonl": labelled("positive", "positive", "negative"), "sw-test.jsonl": test}
    code, out, _ = classify(plan, sw, fewshot={"shots": [16]})
    assert code == 0 and "'negative' 1, 'positive' 2" in out


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        (["B-PER", "L-PER", "O", "U-LOC"], 0),
        ("['B-PER', 'I-PER', 'O', 'B-LOC']", 0),
        ([1, 2, 0, 3], 2),
        (["B-PER", "I-PER", "-", "B-LOC"], 2),
        (["U-PER", "O", "O", "S-LOC"], 2),
    ],
)
def test_tag_schemes(plan, tags, code):
    def rows(*names):
        return [{"words": [name, "Sani", "in", "Lagos"], "tags": tags} for name in names]

    files = {"en-train.jsonl": rows("Amina", "Musa"), "en-dev.jsonl": rows("Asha"), "en-test.jsonl": rows("Zuhura")}
    found, out, err = plan(TAGGING, files)
    assert found == code
    assert ("BILOU" in out) is (tags[1] == "L-PER") and ("en-train.jsonl:1" in err) is (code == 2)


def test_class_numbers_get_names(plan, tmp_path):
    frame = pl.DataFrame({"words": [["Amina", "went"], ["Musa", "came"]], "tags": [[1, 0], [1, 0]]})
    for name in ("train", "dev", "test"):
        frame.with_columns(words=pl.Series([["Amina", name], ["Musa", name]])).write_parquet(tmp_path / name)
    files = {f"en-{name}.parquet": (tmp_path / name).read_bytes() for name in ("train", "dev", "test")}
    assert plan(TAGGING, files)[0] == 2
    assert plan(TAGGING | {"labels": {"names": ["O", "B-PER"]}}, files)[0] == 0


def test_ids_may_begin_anew_in_each_split(plan):
    task = CLASSIFICATION | {"columns": {"text": "text", "label": "label", "id": "id"}}
    splits = {"en-train.jsonl": EN[:2], "en-dev.jsonl": EN[2:4], "en-test.jsonl": EN[4:6]}
    rows = {name: [{"id": number, **row} for number, row in enumerate(split)] for name, split in splits.items()}
    assert plan(task, rows)[0] == 0
    rows["en-test.jsonl"][1]["id"] = 0
    code, _, err = plan(task, rows)
    assert code == 2 and "en-test.jsonl" in err and "'0'" in err


def test_a_length_beyond_the_encoder_is_refused(plan, tmp_path):
    encoder = tiny.build("xlm-roberta", tmp_path)
    targets = {"mine": {"train": {"max_length": 1024}}}
    code, _, err = classify(plan, {}, encoder=str(encoder), targets=targets)
    assert code == 2 and "targets.mine.train.max_length is 1,024" in err
