"""Pairs of sentences out of scored candidates, as XTREME's evaluation of BUCC picks them (Hu et al. 2020, arXiv
2003.11080); the scores are ratio margins (Artetxe and Schwenk 2019, arXiv 1811.01136)."""

from collections import Counter
from collections.abc import Sequence

import numpy as np


def one_to_one(pairs: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Rows of the candidates that are taken, best first, where no sentence is taken twice.

    `pairs` [candidates, 2] are a foreign and an English index, `scores` [candidates]; the first of equal scores goes
    before. Candidates whose score is not above 0 are no pairs, but their sentences count as taken.
    """
    foreign: set[int] = set()
    english: set[int] = set()
    taken = []
    for row in np.argsort(-scores, kind="stable").tolist():
        left, right = pairs[row].tolist()
        if left not in foreign and right not in english:
            foreign.add(left)
            english.add(right)
            taken.append(row)
    rows = np.array(taken, dtype=int)
    return rows[scores[rows] > 0]


def best_threshold(scores: np.ndarray, correct: np.ndarray, gold: int) -> float:
    """The score from which on pairs are kept for the highest F1, halfway to the next lower score; 0 if none is right.

    `scores` and `correct` (0 or 1) are of the candidates [candidates], `gold` is the number of pairs to be found. The
    highest of equal thresholds wins. Where every candidate is to be kept, it is the lowest score.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, right = scores[order], np.cumsum(correct[order])
    if not len(right) or not right[-1]:
        return 0.0
    f1 = 2 * right / (np.arange(1, len(right) + 1) + gold)
    best = int(f1.argmax())
    return float(ranked[best : best + 2].mean())


def occurs_once(texts: Sequence[str]) -> np.ndarray:
    """Which texts occur once [texts]: BUCC's gold names one of several equal sentences, so none of them is paired."""
    counts = Counter(texts)
    return np.array([counts[text] == 1 for text in texts], dtype=bool)
