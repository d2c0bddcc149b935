from typing import Any

import pytest

from xstilts.errors import DataError
from xstilts.problems import ProblemName
from xstilts.problems.scores import item_statistics, score_frame

CASES: list[tuple[ProblemName, list[Any], list[Any], dict[str, list[float]]]] = [
    ("classification", ["on", "off"], ["on", "on"], {"correct": [1, 0]}),
    ("choice", [2, 0], [2, 1], {"correct": [1, 0]}),
    ("span", [["a cat"], []], ["cat sat", ""], {"em": [0, 1], "f1": [2 / 3, 1]}),
    ("retrieval", ["a", "b"], [["a", "x"], ["x", "b"]], {"to_english": [1, 0], "from_english": [0, 1]}),
    (
        "mining",
        [["e1"], [], ["e3", "e4"], []],
        ["e1", "e2", "e4", ""],
        {"true_positive": [1, 0, 1, 0], "predicted_pairs": [1, 1, 1, 0], "gold_pairs": [1, 0, 2, 0]},
    ),
    (
        "tagging",
        [["B-time", "I-time", "O"], ["O"]],
        [["B-time", "O", "B-area"], ["O"]],
        {
            "true_positive": [0, 0],
            "predicted_spans": [2, 0],
            "gold_spans": [1, 0],
            "correct_tokens": [1, 1],
            "tokens": [3, 1],
        },
    ),
]


@pytest.mark.parametrize(("problem", "gold", "predicted", "expected"), CASES, ids=[case[0] for case in CASES])
def test_item_statistics(problem: ProblemName, gold: list[Any], predicted: list[Any], expected: Any) -> None:
    statistics = item_statistics(problem, gold, predicted)
    assert {name: pytest.approx(values) for name, values in expected.items()} == statistics


def test_frame_keeps_gold_and_predicted_as_json() -> None:
    frame = score_frame("tagging", [("s1", "g1")], [("B-área", "O")], [["O", "O"]])
    assert frame.row(0, named=True) == {
        "item": "s1",
        "group": "g1",
        "gold": '["B-área", "O"]',
        "predicted": '["O", "O"]',
        "true_positive": 0.0,
        "predicted_spans": 0.0,
        "gold_spans": 1.0,
        "correct_tokens": 1.0,
        "tokens": 2.0,
    }


def test_an_empty_set_of_items_has_the_columns() -> None:
    frame = score_frame("classification", [], [], [])
    assert frame.columns == ["item", "group", "gold", "predicted", "correct"]
    assert frame.is_empty()


def test_a_repeated_item_is_refused() -> None:
    with pytest.raises(DataError, match="'s1'"):
        score_frame("choice", [("s1", "g"), ("s1", "g")], [0, 0], [0, 1])


def test_tags_must_be_as_many_as_the_words() -> None:
    with pytest.raises(ValueError, match="zip"):
        item_statistics("tagging", [["O", "O"]], [["O"]])


def test_answers_are_compared_by_the_rules_of_their_language() -> None:
    gold, predicted = [["das Haus"]], ["Ein Haus"]
    by_language = [
        item_statistics("span", gold, predicted, normaliser="mlqa", language=language)["em"]
        for language in ("de", "es")
    ]
    assert by_language == [[1.0], [0.0]]
    assert item_statistics("span", gold, predicted, normaliser="squad", language="de")["em"] == [0.0]
