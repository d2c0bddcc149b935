"""Logistic regression agrees with scikit-learn, independently of the order of the examples."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.unit.methods.clouds import CLASSES, cloud

from xstilts.errors import StageError
from xstilts.methods import logreg
from xstilts.methods.logreg import Logreg, solve


@pytest.mark.parametrize("l2", [0.1, 1.0, 30.0])
def test_probabilities_match_scikit_learn(l2: float) -> None:
    (vectors, labels), (others, _) = cloud(0), cloud(1)
    weight, bias = solve(vectors, labels, CLASSES, l2)
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=1 / l2, tol=1e-8, max_iter=10_000))
    reference.fit(vectors.double().numpy(), labels.numpy())
    probabilities = (others @ weight.T + bias).softmax(-1)
    np.testing.assert_allclose(probabilities, reference.predict_proba(others.double().numpy()), atol=1e-3)


def test_english_examples_and_shots_have_equal_weight() -> None:
    vectors, labels = cloud(0)
    expected = Logreg().fit((vectors, labels), None, CLASSES)
    head = Logreg().fit((vectors[:20], labels[:20]), (vectors[20:], labels[20:]), CLASSES)
    for name, tensor in expected.items():
        torch.testing.assert_close(head[name], tensor, rtol=1e-2, atol=1e-3)
    again = Logreg().fit((vectors, labels), None, CLASSES)
    assert all(torch.equal(again[name], tensor) for name, tensor in expected.items())


def test_a_class_without_examples_is_never_predicted() -> None:
    vectors, labels = cloud(0)
    weight, bias = solve(vectors, labels + 1, CLASSES + 2, 1.0)
    scores = vectors @ weight.T + bias
    assert scores.isfinite().all()
    assert set(scores.argmax(-1).tolist()) == set(range(1, CLASSES + 1))


def test_a_single_class_is_always_predicted() -> None:
    vectors, labels = cloud(0)
    weight, bias = solve(vectors, torch.full_like(labels, 2), CLASSES, 1.0)
    assert set((vectors @ weight.T + bias).argmax(-1).tolist()) == {2}


def test_no_convergence_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logreg, "MAX_ITERATIONS", 2)
    with pytest.raises(StageError):
        solve(*cloud(0), CLASSES, 1.0)
