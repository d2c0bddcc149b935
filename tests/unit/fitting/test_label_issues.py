import numpy as np

from xstilts.fitting.label_issues import contradicted_rows


def test_wrong_labels_are_found_most_clearly_first():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.05, 0.95], [0.15, 0.85]])
    labels = np.array([0, 0, 1, 1, 0, 0])
    assert contradicted_rows(probabilities, labels) == [4]


def test_right_labels_are_not_listed():
    probabilities = np.array([[0.6, 0.4], [0.4, 0.6], [0.7, 0.3]])
    assert contradicted_rows(probabilities, np.array([0, 1, 0])) == []
