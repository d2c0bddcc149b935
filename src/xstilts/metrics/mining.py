"""Bitext mining from scored candidate pairs, as in XTREME's evaluation of BUCC (Hu et al. 2020, arXiv 2003.11080).

Scores are ratio margins (Artetxe and Schwenk 2019, arXiv 1811.01136).
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np


def one_to_one(pairs: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The rows of the selected candidates, best first, such that no sentence is selected twice.

    `pairs` [candidates, 2] are a foreign and an English index, with `scores` [candidates]; ties are broken by position.
    Candidates with a score of 0 or less are not selected, but they do block their sentences.
    """
    foreign: set[int] = set()
    english: set[int] = set()
    selected = []
    for row in np.argsort(-scores, kind="stable").tolist():
        foreign_index, english_index = pairs[row].tolist()
        if foreign_index not in foreign and english_index not in english:
            foreign.add(foreign_index)
            english.add(english_index)
            selected.append(row)
    rows = np.array(selected, dtype=int)
    return rows[scores[rows] > 0]


def best_threshold(scores: np.ndarray, correct: np.ndarray, gold: int) -> float:
    """The score threshold with the highest F1, halfway to the next lower score; 0 if no candidate is correct.

    `scores` and `correct` (0 or 1) are per candidate [candidates]; `gold` is the number of gold pairs. Of equally good
    thresholds the highest is returned. If keeping every candidate is best, it is the lowest score.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, true_positives = scores[order], np.cumsum(correct[order])
    if not len(true_positives) or not true_positives[-1]:
        return 0.0
    f1 = 2 * true_positives / (np.arange(1, len(true_positives) + 1) + gold)
    best = int(f1.argmax())
    return float(ranked[best : best + 2].mean())


def occurs_once(texts: Sequence[str]) -> np.ndarray:
    """Whether each text occurs only once [texts]. BUCC's gold lists one of several equal sentences, so duplicates
    are not paired."""
    counts = Counter(texts)
    return np.array([counts[text] == 1 for text in texts], dtype=bool)
