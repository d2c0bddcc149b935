import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from xstilts.fitting.estimate import (
    SCORES,
    accuracy,
    confusion_matrix,
    macro_f1,
    posterior,
    selection_optimism,
)

LABELS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@given(LABELS)
def test_macro_f1_is_that_of_scikit_learn(pairs):
    gold, predicted = zip(*pairs, strict=True)
    expected = f1_score(gold, predicted, labels=sorted(set(gold)), average="macro", zero_division=0)
    assert macro_f1(confusion_matrix(gold, predicted, 4)) == pytest.approx(expected)


def test_accuracy():
    assert accuracy(confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2], 3)) == 0.75


@given(LABELS, st.sampled_from(sorted(SCORES)))
def test_intervals_are_in_order(pairs, name):
    gold, predicted = zip(*pairs, strict=True)
    one = posterior(confusion_matrix(gold, predicted, 4)).estimate(SCORES[name])
    assert 0 <= one.next_low <= one.score <= one.next_high <= 1
    assert one.low <= one.score <= one.high


def test_more_rows_give_narrower_intervals():
    matrix = np.array([[8, 2], [2, 8]])
    few, many = (posterior(matrix * factor).estimate(macro_f1) for factor in (1, 16))
    assert many.high - many.low < 0.5 * (few.high - few.low)
    assert [few.score, many.score] == pytest.approx([0.8, 0.8], abs=1e-5)


def test_alike_rows_count_less():
    matrix = np.array([[80, 20], [20, 80]])
    independent, alike = (posterior(matrix, effective=share).estimate(macro_f1) for share in (1.0, 0.1))
    assert alike.high - alike.low > 2 * (independent.high - independent.low)


def test_shares_of_new_texts_change_the_score():
    matrix = np.array([[10, 0], [5, 5]])
    rare, common = (
        posterior(matrix, shares=np.array(shares)).estimate(accuracy) for shares in ([0.9, 0.1], [0.1, 0.9])
    )
    assert rare.score == pytest.approx(0.95)
    assert common.score == pytest.approx(0.55)


@pytest.mark.parametrize("rows", [20, 60])
def test_prediction_interval_covers_new_rows(rows):
    """Of a classifier with known rates, whose confusion is counted on `rows` rows of two classes."""
    rng, inside = np.random.default_rng(0), 0
    rates = np.array([[0.8, 0.2], [0.35, 0.65]])
    for _ in range(200):
        seen, new = (np.array([rng.multinomial(rows // 2, row) for row in rates]) for _ in range(2))
        one = posterior(seen, shares=np.array([0.5, 0.5])).estimate(macro_f1)
        inside += one.next_low <= macro_f1(new.astype(float)) <= one.next_high
    assert 0.92 <= inside / 200 <= 1.0


def test_selection_among_equal_arms_is_optimistic():
    correct = np.random.default_rng(0).integers(0, 2, size=(8, 40)).astype(float)
    groups = [str(row) for row in range(40)]
    assert selection_optimism(correct, groups) > 0.02
    assert selection_optimism(correct[:1], groups) == 0.0
