import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.metrics.mining import best_threshold, occurs_once, one_to_one


def test_the_best_pair_is_first_and_no_sentence_is_paired_twice() -> None:
    pairs = np.array([[0, 0], [0, 1], [1, 1], [2, 0]])
    assert one_to_one(pairs, np.array([0.9, 1.3, 1.2, 0.8])).tolist() == [1, 3]


def test_a_pair_without_a_positive_score_blocks_its_sentences() -> None:
    assert one_to_one(np.array([[0, 0], [0, 1]]), np.array([-0.1, -0.2])).tolist() == []


def test_the_threshold_is_halfway_to_the_next_lower_score() -> None:
    scores, correct = np.array([1.0, 1.4, 0.8, 1.2]), np.array([1, 1, 0, 0])
    assert best_threshold(scores, correct, gold=2) == pytest.approx((1.0 + 0.8) / 2)


def test_the_highest_of_equal_thresholds_wins() -> None:
    scores, correct = np.array([5.0, 4.0, 3.0, 2.0, 1.0]), np.array([1, 0, 0, 0, 1])
    assert best_threshold(scores, correct, gold=3) == 4.5


def test_all_candidates_may_be_kept_and_none_may_be_right() -> None:
    assert best_threshold(np.array([2.0, 1.0]), np.array([1, 1]), gold=2) == 1.0
    assert best_threshold(np.array([2.0]), np.array([0]), gold=2) == 0.0
    assert best_threshold(np.zeros(0), np.zeros(0), gold=2) == 0.0


def test_none_of_several_equal_texts_is_unique() -> None:
    assert occurs_once(["a", "b", "a", "c"]).tolist() == [False, True, False, True]


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=25), st.integers(0, 5))
def test_no_other_threshold_has_a_higher_f1(candidates: list[tuple[int, bool]], missed: int) -> None:
    scores, correct = (np.array(column, dtype=float) for column in zip(*candidates, strict=True))
    scores += np.arange(len(scores)) / 100
    gold = int(correct.sum()) + missed

    def f1(threshold: float) -> float:
        kept = scores >= threshold
        return 2 * correct[kept].sum() / max(1, kept.sum() + gold)

    assert f1(best_threshold(scores, correct, gold)) == max(f1(score) for score in scores)
