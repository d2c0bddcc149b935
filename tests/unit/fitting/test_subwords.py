"""Scores of sub-words are those of scikit-learn's TF-IDF and logistic regression."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from xstilts.fitting.subword_scores import SubwordScores, ngrams, tfidf
from xstilts.fitting.subwords import PENALTY, SHARE, fit_subwords

ROWS = ["▁timu ▁ili shinda", "▁timu ▁timu ▁kombe", "▁bei ▁ya ▁mafuta", "▁bei ▁ya ▁unga", "▁daktari ▁ya ▁mtoto"]
TEXTS = [row.split() for row in ROWS]
LABELS = torch.tensor([0, 0, 2, 2, 3])
NEW = [["▁timu", "▁ya", "▁taifa"], ["▁mpya"], []]


def test_equals_scikit_learn():
    scores = fit_subwords(TEXTS, LABELS, classes=5)
    vectorizer = TfidfVectorizer(sublinear_tf=True, analyzer=ngrams)
    model = LogisticRegression(C=1 / PENALTY, fit_intercept=False, class_weight="balanced", tol=1e-8, max_iter=1000)
    model.fit(vectorizer.fit_transform(TEXTS), LABELS)
    expected = np.zeros((len(NEW), 5))
    expected[:, [0, 2, 3]] = SHARE * model.decision_function(vectorizer.transform(NEW))
    np.testing.assert_allclose(scores.logits(NEW), expected, atol=1e-3)


def test_texts_without_known_subwords_score_0():
    assert not fit_subwords(TEXTS, LABELS, classes=5).logits(NEW)[1:].any()


def test_rows_without_subwords_give_no_scores():
    assert fit_subwords([[], []], LABELS[:2], classes=5).logits(NEW).shape == (3, 5)


def test_written_and_read(tmp_path):
    scores = fit_subwords(TEXTS, LABELS, classes=5)
    scores.save(tmp_path)
    np.testing.assert_array_equal(SubwordScores.load(tmp_path).logits(NEW), scores.logits(NEW))


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(OSError):
        SubwordScores.load(tmp_path)


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=6))
def test_tfidf_equals_scikit_learn(texts):
    if not any(texts):
        return
    vectorizer = TfidfVectorizer(sublinear_tf=True, analyzer=ngrams)
    expected = vectorizer.fit_transform(texts).toarray()
    features = tfidf(texts, vectorizer.vocabulary_, vectorizer.idf_)
    for row, (start, end) in enumerate(zip(features.starts[:-1], features.starts[1:], strict=True)):
        dense = np.zeros(expected.shape[1])
        dense[features.columns[start:end]] = features.values[start:end]
        np.testing.assert_allclose(dense, expected[row], atol=1e-12)
