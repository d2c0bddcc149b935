"""Trivial predictions: the most frequent label of the training data, or the most frequent tag of each word."""

from typing import Any

import pytest

from xstilts.errors import DataError
from xstilts.problems import PROBLEMS, Choice, ImageText, Labelled, MultiLabelled, Tagged
from xstilts.problems.scores import score_frame

ID: Any = {"id": "1", "group": "g", "language": "en"}


def labelled(*labels: str | None) -> list[Labelled]:
    return [Labelled(**ID, text=str(number), label=label) for number, label in enumerate(labels)]


def tagged(words: str, tags: str | None = None) -> Tagged:
    return Tagged(**ID, words=tuple(words.split()), tags=None if tags is None else tuple(tags.split()))


def test_the_most_frequent_class_is_predicted_for_every_example() -> None:
    predict = PROBLEMS["classification"].trivial_predictions
    assert predict(labelled("b", "a", None, "b"), labelled(None, "a")) == ["b", "b"]
    assert predict(labelled("b", "a", "a", "b"), labelled("c")) == ["a"], "the smaller one on ties"
    pictured = [ImageText(**ID, text="", images=("digits:1",), label=label) for label in ("yes", "no", "no")]
    assert PROBLEMS["image-text"].trivial_predictions(pictured, pictured[:1]) == ["no"]


def test_the_most_frequent_label_set_may_be_empty() -> None:
    sets: list[tuple[str, ...] | None] = [(), ("x", "y"), (), None, None, None]
    training = [MultiLabelled(**ID, text="", labels=labels) for labels in sets]
    assert PROBLEMS["multi-label"].trivial_predictions(training, training[1:3]) == [[], []]
    assert PROBLEMS["multi-label"].trivial_predictions(training[1:2], training[:1]) == [["x", "y"]]


def test_the_most_frequent_answer_position_is_capped_at_the_number_of_choices() -> None:
    def choice(count: int, answer: int | None) -> Choice:
        return Choice(**ID, prompt="", choices=tuple(map(str, range(count))), answer=answer)

    training = [choice(4, 3), choice(4, 3), choice(4, 0)]
    assert PROBLEMS["choice"].trivial_predictions(training, [choice(4, None), choice(2, 0)]) == [3, 1]


def test_a_word_gets_its_most_frequent_tag_then_that_of_its_folded_form_then_that_of_all_words() -> None:
    training = [tagged("Green green green tea", "A B B C"), tagged("it is it", "O O O"), tagged("x", None)]
    predict = PROBLEMS["tagging"].trivial_predictions
    assert predict(training, [tagged("Green green GREEN TEA new")]) == [["A", "B", "B", "C", "O"]]
    shot = tagged("new new", "N N")
    assert predict([*training, shot], [tagged("new")]) == [["N"]]


@pytest.mark.parametrize("problem", [name for name, problem in PROBLEMS.items() if problem.trivial_baseline])
def test_without_labels_there_is_no_prediction(problem: Any) -> None:
    with pytest.raises(DataError):
        PROBLEMS[problem].trivial_predictions([], [])


def test_the_problems_with_a_trivial_baseline() -> None:
    names = {name for name, problem in PROBLEMS.items() if problem.trivial_baseline}
    assert names == {"classification", "multi-label", "choice", "tagging", "image-text"}
    assert {name for name in names if PROBLEMS[name].trivial_baseline_uses_shots} == {"tagging"}


def test_predictions_have_the_form_that_statistics_take() -> None:
    gold = [tagged("green tea", "A C"), tagged("tea", "C")]
    predicted = PROBLEMS["tagging"].trivial_predictions(gold, gold)
    frame = score_frame("tagging", [("1", "g"), ("2", "g")], PROBLEMS["tagging"].gold(gold), predicted)
    assert frame["gold"].to_list() == frame["predicted"].to_list()
