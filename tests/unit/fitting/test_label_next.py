import numpy as np
import pytest

from xstilts.fitting.label_next import UNCERTAIN, UNLIKE, centred, select, spread, texts_of_classes, uncertainty


def test_uncertainty_is_from_0_to_1():
    assert uncertainty(np.array([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])) == pytest.approx([0, 1], abs=1e-9)
    several = uncertainty(np.array([[1.0, 0.0], [0.5, 0.5], [0.5, 1.0]]), multi_label=True)
    assert several == pytest.approx([0, 1, 0.5], abs=1e-9)


def test_each_missing_class_gets_its_most_probable_texts():
    probabilities = np.array([[0.1, 0.9, 0.0], [0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.1, 0.4, 0.5], [0.3, 0.3, 0.4]])
    assert texts_of_classes(probabilities, [1, 2], 8) == {0: 1, 3: 2, 1: 1, 4: 2}


def test_missing_classes_get_at_most_half_of_the_texts():
    assert len(texts_of_classes(np.full((30, 10), 0.1), list(range(10)), 20)) == 10
    assert texts_of_classes(np.full((3, 2), 0.5), [0, 1], 1) == {}


def test_uncertain_points_that_are_far_from_each_other_are_chosen():
    points = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    doubt = np.array([1.0, 0.9, 0.8, 0.1])
    assert spread(points, doubt, points[:0], 2) == [0, 2]
    assert spread(points, doubt, points[2:3], 1, without=[0]) == [1]


def test_every_text_is_chosen_once_even_if_all_are_alike():
    points = np.ones((5, 2)) / 2**0.5
    assert sorted(spread(points, np.zeros(5), points, 5)) == [0, 1, 2, 3, 4]


def test_vectors_are_compared_from_the_mean_of_the_texts():
    points, known = centred(np.array([[10.0, 1.0], [10.0, -1.0]]), np.array([[10.0, 1.0]]))
    assert points[0] @ points[1] == pytest.approx(-1)
    assert known[0] @ points[0] == pytest.approx(1)


def test_the_selection_is_deterministic_and_says_why():
    rng = np.random.default_rng(0)
    vectors, probabilities = rng.normal(size=(60, 8)), rng.dirichlet(np.ones(3), 60)
    arguments = (vectors, probabilities, vectors[:4], [2, 2, 0])
    selection = select(*arguments, 10)
    assert selection == select(*arguments, 10)
    assert len(set(selection.rows)) == 10
    assert selection.reasons[:2] == [2, 2]
    assert {*selection.reasons[2:]} <= {UNCERTAIN, UNLIKE}
    assert selection.rows[0] == probabilities[:, 2].argmax()
