"""Exports of Doccano, Label Studio and Prodigy."""

import json

import pytest

from xstilts.errors import DataError
from xstilts.formats.tables import read_rows, rows
from xstilts.formats.words import words_of

TEXT = "Amina Bello went to Lagos."


def lines(*values: object) -> str:
    return "".join(f"{json.dumps(value)}\n" for value in values)


def codes(path):
    return {note.code: (note.count, note.first_line) for note in read_rows(path).notes}


def tagged(path):
    return [
        " ".join(f"{word}/{tag}" for word, tag in zip(row["words"], row["tags"], strict=True)) for _, row in rows(path)
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Wasn't it, 3.5?", ["Wasn", "'", "t", "it", ",", "3", ".", "5", "?"]),
        ("cafe\u0301 a_b", ["cafe\u0301", "a", "_", "b"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("東京へ行くABC1", ["東", "京", "へ", "行", "く", "ABC1"]),
        ("ที่น้ำ", ["ที่", "น้ำ"]),
        ("ខ្មែរ", ["ខ្", "មែ", "រ"]),
        ("བོད་", ["བོ", "ད", "་"]),
        ("a\u200bb \u200e می\u200cخواهم", ["a", "b", "می\u200cخواهم"]),
        ("❤\ufe0f👍", ["❤\ufe0f", "👍"]),
        ("  \n", []),
    ],
)
def test_words_for_character_offsets(text, words):
    assert [text[start:end] for start, end in words_of(text)] == words


@pytest.mark.parametrize(
    "annotations",
    [
        {"label": [[0, 11, "PER"], [20, 25, "LOC"]]},
        {"labels": [[20, 25, "LOC"], [0, 11, "PER"]]},
        {"entities": [{"id": 1, "start_offset": 0, "end_offset": 11, "label": "PER"}, [20.0, 25, "LOC"]]},
    ],
)
def test_spans_of_doccano(write, annotations):
    path = write(
        "a.jsonl", lines({"id": 1, "text": TEXT, **annotations}, {"text": "So.", **{key: [] for key in annotations}})
    )
    assert tagged(path) == ["Amina/B-PER Bello/I-PER went/O to/O Lagos/B-LOC ./O", "So/O ./O"]
    assert codes(path) == {}


def test_names_of_doccano(write):
    values = [["positive"], [], ["a", "b"], ["a, b"]]
    path = write("a.jsonl", lines(*({"text": "t", "label": value} for value in values)))
    assert [(row["label"], row["labels"]) for _, row in rows(path)] == [
        ("positive", ["positive"]),
        ([], []),
        (["a", "b"], ["a", "b"]),
        (["a, b"], ["a, b"]),
    ]


def test_rows_that_only_resemble_an_export_stay_as_they_are(write):
    values = [
        {"text": "a", "labels": [1, 0]},
        {"text": "a", "label": "x", "answer": 3},
        {"text": ["a"], "label": ["x"]},
    ]
    for value in values:
        assert list(rows(write("a.jsonl", lines(value)))) == [(1, value)]
    answers = [{"text": "a", "label": "x", "answer": answer} for answer in ("accept", "perhaps")]
    assert list(rows(write("a.jsonl", lines(*answers)))) == [(1, answers[0]), (2, answers[1])]


def test_columns_of_a_row_are_kept_beside_derived_ones(write):
    values = [{"text": "a", "label": "topic", "labels": ["x", "y"]}, {"text": "a", "labels": ["x"]}]
    path = write("a.jsonl", lines(*values))
    assert [row for _, row in rows(path)] == [values[0], values[1] | {"label": "x"}]


def test_relations_are_counted(write):
    value = {"text": TEXT, "entities": [], "relations": [{"from_id": 1}, {"from_id": 2}]}
    assert codes(write("a.jsonl", lines(value))) == {"relations-ignored": (2, 1)}


def test_spans_inside_words_are_extended_and_counted(write):
    path = write("a.jsonl", lines({"text": "x", "label": []}, {"text": TEXT, "label": [[1, 8, "PER"]]}))
    assert tagged(path)[1] == "Amina/B-PER Bello/I-PER went/O to/O Lagos/O ./O"
    assert codes(path) == {"span-inside-word": (1, 2)}


def test_spans_without_a_word_of_their_own_are_dropped_and_counted(write):
    path = write("a.jsonl", lines({"text": TEXT, "label": [[0, 2, "A"], [2, 5, "B"], [5, 6, "C"], [6, 11, "D"]]}))
    assert tagged(path)[0].startswith("Amina/B-A Bello/B-D went/O")
    assert codes(path) == {"span-inside-word": (1, 1), "span-without-word": (2, 1)}


@pytest.mark.parametrize(
    ("spans", "what"),
    [
        ([[0, 11, "PER"], [6, 11, "PER"]], "overlap"),
        ([[20, 99, "LOC"]], "20-99"),
        ([[-1, 3, "LOC"]], "-1-3"),
        ([[3, 3, "LOC"]], "empty"),
        ([["a", 3, "LOC"]], "'a'"),
        ([[0.5, 3, "LOC"]], "0.5"),
        ([[0, 3, " "]], "label"),
    ],
)
def test_impossible_spans_are_refused_with_their_line(write, spans, what):
    path = write("a.jsonl", lines({"text": TEXT, "label": []}, {"text": TEXT, "label": spans}))
    with pytest.raises(DataError, match=rf"a\.jsonl:2: .*{what}"):
        list(rows(path))


@pytest.mark.parametrize(
    ("text", "start", "end"), [("😀😀 Lagos", 5, 10), ("😀 in Lagos", 6, 11), ("😀 Lagos is big", 3, 8)]
)
def test_offsets_in_utf16_are_refused_and_named(write, text, start, end):
    with pytest.raises(DataError, match=r"a\.jsonl:1: ") as error:
        list(rows(write("a.jsonl", lines({"text": text, "label": [[start, end, "LOC"]]}))))
    assert "UTF-16" in error.value.hint
    right = text.index("Lagos")
    path = write("b.jsonl", lines({"text": text, "label": [[right, right + 5, "LOC"]]}))
    assert "Lagos/B-LOC" in tagged(path)[0]


def prodigy_row(answer: str = "accept", **columns: object) -> dict:
    return {"text": TEXT, "_task_hash": 1, "answer": answer, **columns}


def test_answers_of_prodigy(write):
    values = [
        prodigy_row(label="A"),
        prodigy_row("reject", label="A"),
        prodigy_row(accept=["B"]),
        prodigy_row("ignore"),
        prodigy_row(accept=["A", "B"]),
    ]
    path = write("a.jsonl", lines(*values))
    assert [(line, row["label"], row["labels"]) for line, row in rows(path)] == [
        (1, "A", ["A"]),
        (3, "B", ["B"]),
        (5, ["A", "B"], ["A", "B"]),
    ]
    assert codes(path) == {"answers-left-out": (2, 2)}


def test_tokens_of_prodigy_are_the_words(write):
    bounds = [(0, 11), (11, 12), (12, 16), (17, 19), (20, 26)]
    tokens = [{"text": TEXT[start:end], "start": start, "end": end} for start, end in bounds]
    span = {"start": 20, "end": 26, "token_start": 4, "token_end": 4, "label": "LOC"}
    path = write("a.jsonl", lines(prodigy_row(tokens=tokens, spans=[span])))
    assert [row["words"] for _, row in rows(path)] == [["Amina Bello", "went", "to", "Lagos."]]
    assert [row["tags"] for _, row in rows(path)] == [["O", "O", "O", "B-LOC"]]


def test_spans_of_prodigy_without_tokens(write):
    path = write("a.jsonl", lines(prodigy_row(spans=[{"start": 0, "end": 5, "label": "PER"}]), prodigy_row(spans=[])))
    assert [tags.count("/B-PER") for tags in tagged(path)] == [1, 0]


@pytest.mark.parametrize(
    "columns",
    [
        {"tokens": [{"text": "Bello", "start": 0, "end": 5}]},
        {"tokens": [{"text": "Amina", "start": 0}]},
        {"tokens": [{"start": 6, "end": 11}, {"start": 0, "end": 5}]},
        {"tokens": "Amina"},
        {"spans": [3]},
        {"spans": [{"start": 0, "end": 5}]},
    ],
)
def test_malformed_rows_of_prodigy_are_refused(write, columns):
    with pytest.raises(DataError, match=r"a\.jsonl:1: "):
        list(rows(write("a.jsonl", lines(prodigy_row(**columns)))))


def label_studio_task(*results: dict, text: str = TEXT, annotations: object = None, **annotation: object) -> dict:
    single = [{"id": 1, "result": list(results), **annotation}]
    return {
        "id": 7,
        "data": {"text": text, "source": "web"},
        "annotations": single if annotations is None else annotations,
    }


def labels_result(start: int, end: int, label: str, text: str | None = None) -> dict:
    value = {"start": start, "end": end, "labels": [label], "text": TEXT[start:end] if text is None else text}
    return {"from_name": "label", "to_name": "text", "type": "labels", "value": value}


def choices_result(*names: str, control: str = "sentiment") -> dict:
    return {"from_name": control, "to_name": "text", "type": "choices", "value": {"choices": list(names)}}


def test_spans_of_label_studio(write):
    tasks = [
        label_studio_task(labels_result(0, 11, "PER"), labels_result(20, 25, "LOC")),
        label_studio_task(text="So."),
    ]
    path = write("a.json", json.dumps(tasks, indent=1))
    assert tagged(path) == ["Amina/B-PER Bello/I-PER went/O to/O Lagos/B-LOC ./O", "So/O ./O"]
    assert [row["source"] for _, row in rows(path)] == ["web", "web"]


def test_choices_of_label_studio(write):
    tasks = [label_studio_task(choices_result("a")), label_studio_task(choices_result("a", "b")), label_studio_task()]
    table = rows(write("a.json", json.dumps(tasks)))
    assert [(row["label"], row["labels"], row["sentiment"]) for _, row in table] == [
        ("a", ["a"], "a"),
        (["a", "b"], ["a", "b"], ["a", "b"]),
        ([], [], []),
    ]


def test_two_controls_of_label_studio_have_a_column_each(write):
    path = write("a.json", json.dumps([label_studio_task(choices_result("a"), choices_result("x", control="topic"))]))
    ((_, row),) = rows(path)
    assert (row["sentiment"], row["topic"], "label" in row) == ("a", "x", False)


def test_the_first_annotation_that_is_not_cancelled_is_used(write):
    several = [
        {"result": [choices_result("a")], "was_cancelled": True},
        {"result": [choices_result("b")]},
        {"result": [choices_result("c")]},
    ]
    cancelled = label_studio_task(choices_result("a"), was_cancelled=True)
    tasks = [label_studio_task(annotations=several), cancelled, label_studio_task(annotations=[])]
    path = write("a.jsonl", lines(*tasks))
    assert [row["label"] for _, row in rows(path)] == ["b"]
    assert codes(path) == {"annotations-ignored": (2, 1), "not-annotated": (2, 2)}


def test_results_of_other_kinds_are_counted(write):
    other = {"from_name": "note", "type": "textarea", "value": {"text": ["x"]}}
    path = write("a.jsonl", lines(label_studio_task(choices_result("a"), other, {"type": "relation"})))
    assert codes(path) == {"relations-ignored": (1, 1), "results-ignored": (1, 1)}


@pytest.mark.parametrize(
    ("task", "hint"),
    [
        (label_studio_task(labels_result(0, 5, "PER", text="Bello")), "code points"),
        (label_studio_task(labels_result(3, 8, "LOC", text="Lagos"), text="😀 Lagos"), "UTF-16"),
        (label_studio_task({"value": {"start": 0, "end": 5, "labels": ["A", "B"]}}), "one label"),
        (label_studio_task(annotations=[{"id": 1}]), "export"),
    ],
)
def test_malformed_tasks_of_label_studio_are_refused(write, task, hint):
    with pytest.raises(DataError, match=r"a\.jsonl:1: ") as error:
        list(rows(write("a.jsonl", lines(task))))
    assert hint in error.value.hint


def test_the_flat_export_of_label_studio(write):
    keys = {"annotator": 1, "annotation_id": 1, "lead_time": 1.5}
    first = {"id": 1, "text": TEXT, "ner": [{"start": 0, "end": 5, "text": "Amina", "labels": ["PER"]}], **keys}
    second = {"id": 1, "text": TEXT, **keys}
    third = {"id": 2, "text": "So.", "topic": {"choices": ["a", "b"]}, **keys}
    path = write("a.json", json.dumps([first, second, third]))
    assert tagged(path) == ["Amina/B-PER Bello/O went/O to/O Lagos/O ./O", "So/O ./O"]
    assert [row.get("label") for _, row in rows(path)] == [None, ["a", "b"]]
    assert codes(path) == {"annotations-ignored": (1, 1)}
