"""LDA agrees with scikit-learn, independently of the order and the batches of examples."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.unit.methods.clouds import CLASSES, cloud

from xstilts.methods.lda import moments, solve


@pytest.mark.parametrize("shrinkage", [0.02, 0.1, 1.0])
def test_probabilities_match_scikit_learn(shrinkage):
    (vectors, labels), (others, _) = cloud(0), cloud(1)
    weight, bias = solve(moments(vectors, labels, CLASSES), shrinkage)
    reference = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage))
    reference.fit(vectors.double().numpy(), labels.numpy())
    probabilities = (others @ weight.T + bias).softmax(-1)
    np.testing.assert_allclose(probabilities, reference.predict_proba(others.double().numpy()), atol=1e-4)


@given(seed=st.integers(0, 1000), cut=st.integers(1, 59))
@settings(max_examples=20)
def test_moments_add_up_in_any_order(seed, cut):
    vectors, labels = cloud(seed)
    first, second = (moments(vectors[rows], labels[rows], CLASSES) for rows in (slice(cut, None), slice(cut)))
    expected = solve(moments(vectors, labels, CLASSES), 0.1)
    for tensor, expected_tensor in zip(solve(first.plus(second), 0.1), expected, strict=True):
        torch.testing.assert_close(tensor, expected_tensor, rtol=1e-3, atol=1e-3)


def test_a_class_without_examples_is_never_predicted():
    vectors, labels = cloud(0)
    weight, bias = solve(moments(vectors, labels, CLASSES + 1), 0.1)
    assert (vectors @ weight.T + bias).isfinite().all()
    assert (vectors @ weight.T + bias).argmax(-1).max() < CLASSES


def test_one_example_per_class_gives_the_nearest_mean():
    vectors, labels = cloud(0, rows=CLASSES)
    weight, bias = solve(moments(vectors, labels, CLASSES), 0.1)
    others, _ = cloud(1)
    scale = vectors.std(0, correction=0)
    nearest = labels[torch.cdist(others / scale, vectors / scale).argmin(-1)]
    assert ((others @ weight.T + bias).argmax(-1) == nearest).all()
