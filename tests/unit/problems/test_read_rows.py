"""What a row means by the other rows of its file, and how lists, labels and answers are read."""

from pathlib import Path

import pytest

from xstilts.formats.notes import Notes
from xstilts.problems import PROBLEMS
from xstilts.problems.cells import FileRow, parse_list
from xstilts.problems.labels import LabelRules

FILE = Path("data.csv")


def read(problem, rows, columns=None, rules=None):
    """Examples, errors and notes of rows that are dicts by field."""
    notes, columns = Notes(), columns or {field: field for field in rows[0]}
    cells = [
        (FileRow(FILE, line, row, columns, rules or LabelRules(), notes), f"test-{line - 1}")
        for line, row in enumerate(rows, start=2)
    ]
    examples, errors = PROBLEMS[problem].read_rows(cells, "fi")
    return examples, [error.message.split(": ")[0] for error in errors], {n.code: n.count for n in notes.all()}


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('["a", "b"]', ["a", "b"]),
        ("['a', 'b']", ["a", "b"]),
        ("['a' 'b'\n 'it''s']", None),
        ("['a' 'b'\n 'c']", ["a", "b", "c"]),
        ("""['it\\'s', "don't"]""", ["it's", "don't"]),
        ("array(['a', 'b'], dtype=object)", ["a", "b"]),
        ("[0, 3, 0]", [0, 3, 0]),
        ("[1.0]", [1.0]),
        ("['a',]", ["a"]),
        ("[]", []),
        ("[applause]", None),
        ("[ picha ] Musa Sani alisema", None),
        ("[a] and [b]", None),
        ("[['a'], ['b']]", None),
        ("['a', 'b'", None),
        ("[__import__('os')]", None),
        ("[" * 5000, None),
        ("[" * 5000 + "]" * 5000, None),
    ],
)
def test_a_list_that_is_spelled_as_text(text, items):
    assert parse_list(text) == items


@pytest.mark.parametrize(
    "words", ['["Amina", "went"]', "['Amina', 'went']", "['Amina' 'went']", "Amina went", ["Amina", "went"]]
)
def test_words_and_tags_may_be_lists_in_text(words):
    tags = str(["B-PER", "O"])
    examples, errors, _ = read("tagging", [{"words": words, "tags": tags}])
    assert not errors and (examples[0].words, examples[0].tags) == (("Amina", "went"), ("B-PER", "O"))


def test_a_text_in_brackets_is_words_and_a_damaged_list_is_refused():
    examples, errors, _ = read("tagging", [{"words": "[ picha ] Musa"}, {"words": "['Amina', 'went'"}])
    assert examples[0].words == ("[", "picha", "]", "Musa") and errors == ["data.csv:3"]


def test_tags_become_bio_by_the_scheme_of_the_file():
    rows = [{"words": "a b c", "tags": "B-PER L-PER U-LOC"}, {"words": "d", "tags": "U-PER"}]
    examples, errors, notes = read("tagging", rows)
    assert [e.tags for e in examples] == [("B-PER", "I-PER", "B-LOC"), ("B-PER",)]
    assert not errors and notes == {"tag-scheme": 2}


@pytest.mark.parametrize("tags", ["0 1", "B-PER O", "- O", "PER O"])
def test_tags_that_cannot_be_read_are_located(tags):
    _, errors, _ = read("tagging", [{"words": "a b", "tags": "B-LOC L-LOC"}, {"words": "c d", "tags": tags}])
    assert errors == ["data.csv:3"]


def test_class_numbers_get_the_names_of_the_task():
    rules = LabelRules(names=("O", "B-PER", "I-PER"))
    examples, errors, _ = read("tagging", [{"words": ["a", "b"], "tags": [1, 2]}], rules=rules)
    assert not errors and examples[0].tags == ("B-PER", "I-PER")
    assert read("tagging", [{"words": ["a"], "tags": [3]}], rules=rules)[1] == ["data.csv:2"]
    assert read("tagging", [{"words": ["a"], "tags": [3]}])[1] == ["data.csv:2"]


@pytest.mark.parametrize(
    ("label", "expected"), [(["positive"], "positive"), ("['positive']", "positive"), (1.0, "1.0"), (True, "True")]
)
def test_a_label_may_be_a_list_of_one(label, expected):
    examples, errors, _ = read("classification", [{"text": "a", "label": label}])
    assert not errors and examples[0].label == expected


@pytest.mark.parametrize("label", [["food", "positive"], "['food', 'positive']", [], None, "", float("nan")])
def test_several_labels_or_none_are_refused(label):
    assert read("classification", [{"text": "a", "label": label}])[1] == ["data.csv:2"]


def test_labels_are_rewritten_as_the_task_says():
    rules = LabelRules(renamed={"chanya": "Positive"}, normalise=True)
    rows = [{"text": "a", "label": label} for label in ("chanya", "POSITIVE\u200b", "1.0")]
    assert [e.label for e in read("classification", rows, rules=rules)[0]] == ["positive", "positive", "1"]
    tags = [{"words": "a b", "tags": "B-Mtu I-Mtu"}]
    assert read("tagging", tags, rules=LabelRules(renamed={"Mtu": "PER"}))[0][0].tags == ("B-PER", "I-PER")


@pytest.mark.parametrize(
    ("rows", "answers"),
    [
        ([("red|blue", "blue"), ("1|0", "0")], [1, 1]),
        ([("red|blue", "1"), ("0|1|2", "0")], [1, 0]),
        ([("red|blue", "B"), ("A|C", "A")], [1, 0]),
        ([("red|blue", 1), ("x|y", 0.0)], [1, 0]),
    ],
)
def test_answers_have_the_form_of_the_file(rows, answers):
    cells = [{"prompt": "p", "choices": choices.split("|"), "answer": answer} for choices, answer in rows]
    examples, errors, _ = read("choice", cells)
    assert not errors and [e.answer for e in examples] == answers


def test_answers_that_fit_in_two_forms_are_refused_unless_the_column_says_which():
    rows = [
        {"prompt": "3-3", "choices": ["2", "1", "0"], "answer": 2},
        {"prompt": "1+1", "choices": "[1, 2, 3]", "answer": 1},
    ]
    assert read("choice", rows)[1] == ["data.csv:2"]
    columns = {"prompt": "prompt", "choices": "choices", "answer_index": "answer"}
    examples, errors, _ = read("choice", rows, columns)
    assert not errors and [e.answer for e in examples] == [2, 1]


def test_an_answer_that_does_not_have_the_form_of_the_file_is_located():
    rows = [{"prompt": "p", "choices": ["w", "x", "y", "z"], "answer": answer} for answer in (1, 2, 4, 3)]
    assert read("choice", rows)[1] == ["data.csv:4"]


@pytest.mark.parametrize(
    ("context", "answer", "start", "notes"),
    [
        ("In 2010 the town lost 1 shop.", "1", 22, {}),
        ("The manager met a man.", "man", 18, {}),
        ("The manager left.", "man", 4, {"answer-inside-word": 1}),
        ("A man and a man.", "man", 2, {"ambiguous-answer": 1}),
        ("กรุงเทพฯเป็นเมืองหลวง", "เมือง", 12, {}),
        ("Café\u0301 man", "man", 6, {}),
    ],
)
def test_an_answer_without_offset_is_found_as_whole_words_first(context, answer, start, notes):
    examples, errors, counted = read("span", [{"question": "q", "context": context, "answer_text": answer}])
    assert not errors and examples[0].answers[0].start == start and counted == notes


@pytest.mark.parametrize("answer", ["", None, [""], '[""]', [], [" "]])
def test_an_empty_answer_is_none(answer):
    examples, errors, _ = read("span", [{"question": "q", "context": "c", "answer_text": answer, "answer_start": None}])
    assert not errors and examples[0].answers == ()


@pytest.mark.parametrize(
    ("start", "is_right"), [(10.0, True), ("10.0", True), (10.7, False), (11, False), (float("inf"), False)]
)
def test_offsets_are_whole_numbers_of_characters(start, is_right):
    row = {"question": "q", "context": "🙂 Aminas  ni daktari", "answer_text": "ni", "answer_start": start}
    _, errors, _ = read("span", [row])
    assert (not errors) is is_right


def test_equal_sentences_are_left_out_and_counted():
    texts = ["hello", "good day", "hello", "bye"]
    examples, errors, notes = read("retrieval", [{"text": text, "english": text} for text in texts])
    assert [e.text for e in examples] == ["hello", "good day", "bye"]
    assert not errors and notes == {"equal-sentences": 1}


def test_errors_of_all_rows_are_collected():
    examples, errors, _ = read(
        "classification", [{"text": "a", "label": "x"}, {"text": "", "label": "x"}, {"text": "b", "label": ""}]
    )
    assert len(examples) == 1 and errors == ["data.csv:3", "data.csv:4"]


@pytest.mark.parametrize("value", [["a", "b"], {"en": "a"}, ["a"]])
def test_a_list_or_an_object_is_no_text(value):
    examples, errors, _ = read("classification", [{"text": value, "label": "x"}, {"text": "[picha]", "label": "[x]"}])
    assert errors == ["data.csv:2"]
    assert [(example.text, example.label) for example in examples] == [("[picha]", "[x]")]
