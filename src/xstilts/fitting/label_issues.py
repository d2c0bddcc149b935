"""Rows whose label the other rows contradict, by confident learning (Northcutt et al. 2021, arXiv 1911.00068)."""

import numpy as np


def contradicted_rows(probabilities: np.ndarray, labels: np.ndarray) -> list[int]:
    """Numbers of the rows whose label is contradicted, most clearly first.

    `probabilities` [rows, classes] are held-out, `labels` [rows]. A row is contradicted if another class is the most
    probable one of those that reach their threshold, the mean probability of the class over the rows labelled with it.
    """
    classes = probabilities.shape[1]
    thresholds = np.array(
        [
            probabilities[labels == number, number].mean() if (labels == number).any() else np.inf
            for number in range(classes)
        ]
    )
    reached = np.where(probabilities >= thresholds, probabilities, -1.0)
    suggested = reached.argmax(1)
    is_contradicted = (reached.max(1) > 0) & (suggested != labels)
    rows = np.flatnonzero(is_contradicted)
    margin = probabilities[rows, suggested[rows]] - probabilities[rows, labels[rows]]
    return rows[np.argsort(-margin, kind="stable")].tolist()
