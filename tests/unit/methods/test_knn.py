"""kNN agrees with scikit-learn; ties all vote."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from tests.unit.methods.clouds import CLASSES, cloud

from xstilts.methods import knn
from xstilts.methods.knn import Knn


@pytest.mark.parametrize("k", [1, 5, 60])
def test_shares_match_scikit_learn(k: int) -> None:
    (vectors, labels), (others, _) = cloud(0), cloud(1)
    vectors, others = vectors - 10, others - 10  # no ties
    method = Knn(k=k, temperature=0.05)
    probabilities = method.scores(others, method.fit((vectors, labels), None, CLASSES)).exp()
    reference = KNeighborsClassifier(k, metric="cosine", weights=lambda distance: np.exp((1 - distance) / 0.05))
    reference.fit(vectors.double().numpy(), labels.numpy())
    np.testing.assert_allclose(probabilities, reference.predict_proba(others.double().numpy()), atol=2e-3)


def test_english_examples_and_shots_have_equal_votes() -> None:
    (vectors, labels), (others, _) = cloud(0), cloud(1)
    method = Knn(k=3)
    expected = method.scores(others, method.fit((vectors, labels), None, CLASSES))
    scores = method.scores(others, method.fit((vectors[:7], labels[:7]), (vectors[7:], labels[7:]), CLASSES))
    torch.testing.assert_close(scores, expected)


def test_ties_with_the_last_neighbour_vote() -> None:
    """Three parallel vectors of three classes: each gets a third of the votes, for k = 1 and k = 3, in any order."""
    vectors = torch.tensor([[1.0, 2.0], [2.0, 4.0], [0.5, 1.0], [-1.0, 1.0]])
    labels = torch.tensor([2, 0, 1, 3])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        for k in (1, 3):
            head = Knn(k=k).fit((vectors[order], labels[order]), None, CLASSES)
            shares = Knn(k=k).scores(torch.tensor([[3.0, 6.0]]), head).exp()
            torch.testing.assert_close(shares, torch.tensor([[1 / 3, 1 / 3, 1 / 3, 0.0]]))
            assert int(shares.argmax()) == 0


def test_a_low_temperature_favours_the_nearest_neighbour() -> None:
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.5], [1.0, 0.6]])
    labels, query = torch.tensor([0, 1, 1]), torch.tensor([[1.0, 0.1]])
    predicted = [
        int(method.scores(query, method.fit((vectors, labels), None, 2)).argmax())
        for method in (Knn(k=3, temperature=0.02), Knn(k=3, temperature=10))
    ]
    assert predicted == [0, 1]


def test_states_of_sub_words_are_scored_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    (vectors, labels), (others, _) = cloud(0), cloud(1)
    method = Knn()
    head = method.fit((vectors, labels), None, CLASSES + 1)
    flat = method.scores(others, head)
    monkeypatch.setattr(knn, "MAX_COSINES", 7 * len(vectors))
    scores = method.scores(others.reshape(6, 10, -1), head)
    torch.testing.assert_close(scores.reshape(60, -1), flat)
    assert scores.shape == (6, 10, CLASSES + 1)
    assert scores.argmax(-1).max() < CLASSES
