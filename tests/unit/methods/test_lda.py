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

from xstilts.methods.discriminant import language_offset, moments, solve, variance_within
from xstilts.methods.lda import Lda


@pytest.mark.parametrize("shrinkage", [0.02, 0.1, 1.0])
def test_probabilities_match_scikit_learn(shrinkage):
    (vectors, labels), (others, _) = cloud(0), cloud(1)
    weight, bias = solve(moments(vectors, labels, CLASSES), shrinkage)
    reference = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage))
    reference.fit(vectors.double().numpy(), labels.numpy())
    probabilities = (others.double() @ weight.T + bias).softmax(-1)
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
    assert (vectors.double() @ weight.T + bias).isfinite().all()
    assert (vectors.double() @ weight.T + bias).argmax(-1).max() < CLASSES


def test_one_example_per_class_gives_the_nearest_mean():
    vectors, labels = cloud(0, rows=CLASSES)
    weight, bias = solve(moments(vectors, labels, CLASSES), 0.1)
    others, _ = cloud(1)
    scale = vectors.std(0, correction=0)
    nearest = labels[torch.cdist(others / scale, vectors / scale).argmin(-1)]
    assert ((others.double() @ weight.T + bias).argmax(-1) == nearest).all()


@given(seed=st.integers(0, 1000), by=st.integers(-3, 3), factor=st.integers(1, 4))
@settings(max_examples=20)
def test_shifted_and_scaled_moments_are_those_of_shifted_and_repeated_vectors(seed, by, factor):
    vectors, labels = cloud(seed)
    offset = torch.full((vectors.shape[1],), float(by), dtype=torch.float64)
    expected = moments((vectors.double() + offset).repeat(factor, 1), labels.repeat(factor), CLASSES)
    computed = moments(vectors.double(), labels, CLASSES).shifted(offset).scaled(factor)
    for tensor, expected_tensor in zip(computed, expected, strict=True):
        torch.testing.assert_close(tensor, expected_tensor)


def fitted(lda, shots, english):
    summaries = [None if rows is None else moments(*rows, CLASSES) for rows in (shots, english)]
    return lda.fit(*summaries, CLASSES)


def test_a_language_that_is_only_shifted_is_classified_like_english():
    english, (others, _) = cloud(0), cloud(1)
    shift = torch.full((others.shape[1],), 50.0)
    shots = (english[0] + shift, english[1])
    lda = Lda(shrinkage=0.5)
    head, expected = fitted(lda, shots, english), fitted(lda, None, english)
    assert torch.equal(lda.scores(others + shift, head).argmax(-1), lda.scores(others, expected).argmax(-1))


def test_the_weight_of_the_shots_is_a_number_of_examples():
    english, shots = cloud(0), cloud(1)
    pooled = tuple(torch.cat([english[n], shots[n], shots[n], shots[n]]) for n in range(2))
    head = fitted(Lda(shots_weight=3, language_offset=False, shrinkage=0.5), shots, english)
    expected = fitted(Lda(shrinkage=0.5), None, pooled)
    for name, tensor in head.items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-3, atol=1e-3)


def test_shots_of_new_classes_do_not_move_the_offset():
    vectors, labels = cloud(0)
    english, target = moments(vectors, labels, CLASSES + 1), moments(vectors + 2, labels, CLASSES + 1)
    new = moments(vectors[:3] + 100, torch.full((3,), CLASSES), CLASSES + 1)
    variance = variance_within(english)
    factor = 1 - vectors.shape[1] / len(labels) / (4 / variance).sum().item()  # James and Stein
    expected = torch.full((vectors.shape[1],), 2.0 * factor).double()
    assert 0 < factor < 1
    torch.testing.assert_close(language_offset(target.plus(new), english, variance), expected)
    assert not language_offset(new, english, variance).any()


def test_an_offset_that_is_only_noise_is_zero():
    (vectors, labels), (others, other_labels) = cloud(0), cloud(1)
    english, few = moments(vectors, labels, CLASSES), moments(others[:2], other_labels[:2], CLASSES)
    huge = variance_within(english) * 1e6
    assert not language_offset(few, english, huge).any()


@pytest.mark.parametrize(("shots", "shrinkage"), [(0, 0.9), (1, 0.9), (3, 0.9), (4, 0.6), (16, 0.6)])
def test_the_shrinkage_follows_the_number_of_shots_per_class(shots, shrinkage):
    english, (vectors, labels) = cloud(0), cloud(1, rows=60)
    rows = torch.cat([(labels == number).nonzero()[:shots, 0] for number in range(CLASSES)])
    drawn = (vectors[rows], labels[rows]) if shots else None
    head, expected = (fitted(lda, drawn, english) for lda in (Lda(), Lda(shrinkage=shrinkage)))
    assert torch.equal(head["weight"], expected["weight"])
