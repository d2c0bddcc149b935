import numpy as np
import polars as pl
import pytest

from xstilts.errors import UserError
from xstilts.metrics import METRIC_NAMES, gold_classes, metric
from xstilts.problems import PROBLEMS
from xstilts.problems.scores import score_frame


def frame(gold: list[str], predicted: list[str]) -> pl.DataFrame:
    return score_frame("classification", [(str(i), str(i)) for i in range(len(gold))], gold, predicted)


def test_every_metric_of_every_problem_exists() -> None:
    for problem in PROBLEMS.values():
        for name in problem.metrics:
            assert metric(name).name == name


@pytest.mark.parametrize("name", METRIC_NAMES)
def test_every_listed_name_is_a_metric(name: str) -> None:
    assert metric(name).name == name


def test_an_unknown_metric_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"'bleu'[\s\S]*accuracy, macro_f1"):
        metric("bleu")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "width"),
    [("accuracy", 2), ("span_f1", 3), ("token_accuracy", 2), ("macro_f1", 12), ("f1", 2), ("accuracy_f1", 5)],
)
def test_without_denominator_a_score_is_zero(name: str, width: int) -> None:
    assert metric(name).value(np.zeros((3, width))).tolist() == [0.0, 0.0, 0.0]


def test_macro_f1_counts_only_classes_that_have_gold_items() -> None:
    scored = frame(["on", "on", "off"], ["on", "dim", "off"])
    assert metric("macro_f1").score(scored) == pytest.approx((2 / 3 + 1) / 2)


def test_macro_f1_is_the_same_with_classes_of_other_languages() -> None:
    scored, other = frame(["on", "off"], ["dim", "off"]), frame(["dim"], ["dim"])
    macro_f1 = metric("macro_f1")
    sums = macro_f1.encode(scored, gold_classes(scored, other)).sum(axis=0)
    assert macro_f1.value(sums) == macro_f1.score(scored) == 0.5


def test_retrieval_is_the_mean_of_both_directions() -> None:
    scored = score_frame("retrieval", [("a", "a"), ("b", "b")], ["a", "b"], [["a", "a"], ["a", "b"]])
    assert metric("retrieval_accuracy").score(scored) == 0.75
    assert metric("to_english").score(scored) == 0.5
    assert metric("from_english").score(scored) == 1.0


def test_span_f1_is_micro_averaged_over_sentences() -> None:
    gold, predicted = [["B-x", "O"], ["B-y", "I-y"]], [["B-x", "B-x"], ["B-y", "O"]]
    scored = score_frame("tagging", [("a", "a"), ("b", "b")], gold, predicted)
    assert metric("span_f1").score(scored) == pytest.approx(2 * 1 / (3 + 2))
    assert metric("token_accuracy").score(scored) == 0.5


def test_part_of_speech_tags_are_spans_of_equal_tags() -> None:
    gold, predicted = [["X", "X", "NOUN"], ["AUX", "X"]], [["X", "X", "VERB"], ["X", "X"]]
    scored = score_frame("tagging", [("a", "a"), ("b", "b")], gold, predicted)
    assert scored["gold_spans"].to_list() == [2.0, 2.0]
    assert scored["predicted_spans"].to_list() == [2.0, 1.0]
    assert metric("span_f1").score(scored) == pytest.approx(2 * 1 / (3 + 4))


def test_accuracy_f1_takes_the_f1_of_the_class_1() -> None:
    scored = frame(["1", "1", "0", "0"], ["1", "0", "0", "1"])
    assert metric("accuracy_f1").score(scored) == pytest.approx((2 / 4 + 2 * 1 / (2 + 2)) / 2)
    assert metric("accuracy_f1").score(frame(["0"], ["0"])) == 0.5


def test_pairs_are_scored_by_their_sums() -> None:
    gold, predicted = [["e1"], ["e2"], [], ["e4"]], ["e1", "e3", "", ""]
    scored = score_frame("mining", [(str(i), str(i)) for i in range(4)], gold, predicted)
    scores = [metric(name).score(scored) for name in ("pair_f1", "pair_precision", "pair_recall")]
    assert scores == pytest.approx([2 * 1 / (2 + 3), 1 / 2, 1 / 3])
