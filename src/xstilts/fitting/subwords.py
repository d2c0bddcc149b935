"""Fits scores of sub-words to the labelled rows of the language: names and words that the encoder hardly knows."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import log_softmax
from torch import Tensor

from xstilts.fitting.subword_scores import SubwordScores, ngrams, tfidf

PENALTY = 0.1
"""L2 penalty on the sum of the losses, 1/C in scikit-learn."""
SHARE = 0.5
"""What the scores count for beside the logits of the encoder's head. Both constants are from the development languages
of `bench/fit.py`."""
MOST_GRAMS = 50_000
"""N-grams that are used at most, those of the most rows first."""
MOST_ROWS = 5000
"""Rows that scores are fitted to at most, evenly spaced."""
RELATIVE_TOLERANCE = 1e-6
"""Of the loss, between two iterations."""


def fit_subwords(texts: Sequence[Sequence[str]], labels: Tensor, classes: int) -> SubwordScores:
    """Logistic regression without intercept on the TF-IDF of sub-words, in which all classes count equally.

    `texts` are the sub-words of lower-case texts, with class ids `labels` [texts]. Classes without rows get no score.
    English rows would add little: in most languages their sub-words are others.
    """
    rows = Counter(gram for text in texts for gram in set(ngrams(text)))
    known = sorted(sorted(rows), key=lambda gram: -rows[gram])[:MOST_GRAMS]
    grams = {gram: column for column, gram in enumerate(known)}
    idf = np.log((1 + len(texts)) / (1 + np.array([rows[gram] for gram in known], float))) + 1
    features = tfidf(texts, grams, idf)
    shape = (len(texts), len(grams))
    design = csr_array((features.values, features.columns, features.starts), shape=shape)
    present, targets = np.unique(labels.numpy(), return_inverse=True)
    weight = np.zeros((len(grams), classes), np.float32)
    if known:
        weight[:, present] = SHARE * _solve(design, targets, len(present))
    return SubwordScores(grams, idf, weight)


def _solve(design: Any, targets: np.ndarray, classes: int) -> np.ndarray:
    """Weights [columns, classes] of logistic regression without intercept."""
    rows, columns = design.shape
    weights = rows / classes / np.bincount(targets, minlength=classes)[targets]
    gold = np.eye(classes)[targets]

    def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight = flat.reshape(columns, classes)
        log_shares = log_softmax(design @ weight, axis=1)
        loss = -(weights * log_shares[np.arange(rows), targets]).sum() + PENALTY / 2 * (weight * weight).sum()
        gradient = design.T @ (weights[:, None] * (np.exp(log_shares) - gold)) + PENALTY * weight
        return float(loss), gradient.reshape(-1)

    start, options = np.zeros(columns * classes), {"ftol": RELATIVE_TOLERANCE}
    result = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options=options)
    return result.x.reshape(columns, classes)
