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
from xstilts.methods.frozen_states import FrozenStatesMethod
from xstilts.methods.lda import Lda
from xstilts.methods.leave_one_out import Rows
from xstilts.methods.logreg import Logreg, solve


@pytest.mark.parametrize("l2", [0.1, 1.0, 30.0])
def test_probabilities_match_scikit_learn(l2: float) -> None:
    (vectors, labels), (others, _) = cloud(0), cloud(1)
    weight, bias = solve(vectors, labels, CLASSES, l2)
    reference = make_pipeline(StandardScaler(), LogisticRegression(C=1 / l2, tol=1e-8, max_iter=10_000))
    reference.fit(vectors.double().numpy(), labels.numpy())
    probabilities = (others.double() @ weight.T + bias).softmax(-1)
    np.testing.assert_allclose(probabilities, reference.predict_proba(others.double().numpy()), atol=1e-3)


def test_a_row_that_counts_three_times_equals_three_rows() -> None:
    vectors, labels = cloud(0)
    few, few_labels = vectors[:20], labels[:20]
    repeated = (torch.cat([vectors[20:], few, few, few]), torch.cat([labels[20:], few_labels, few_labels, few_labels]))
    method = Logreg(l2=1.0, language_offset=False)
    expected = method.fit(repeated, None, CLASSES)
    head = method.fit((few, few_labels), (vectors[20:], labels[20:]), CLASSES)
    for name, tensor in expected.items():
        torch.testing.assert_close(head[name], tensor, rtol=1e-2, atol=1e-3)


def test_the_offset_of_a_language_does_not_change_its_scores() -> None:
    vectors, labels = cloud(0)
    shift = torch.full((vectors.shape[1],), 50.0)
    method, english = Logreg(l2=1.0), (vectors[20:], labels[20:])
    plain, shifted = (method.fit((vectors[:20] + by, labels[:20]), english, CLASSES) for by in (0, shift))
    queries, _ = cloud(1)
    scores = [queries @ plain["weight"].T + plain["bias"], (queries + shift) @ shifted["weight"].T + shifted["bias"]]
    same = (scores[0].argmax(-1) == scores[1].argmax(-1)).double().mean()
    assert same > 0.9


def test_the_penalty_is_strong_where_labels_are_noise_and_weak_where_they_are_not() -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(400, 30, generator=generator)
    noise = torch.randint(0, 2, (400,), generator=generator)
    sharp = (vectors[:, 0] > 0).long()
    groups = [str(row) for row in range(400)]
    noisy, clear = (logreg.select_penalty(Rows(vectors, labels, groups), 2) for labels in (noise, sharp))
    assert noisy == 1000.0 and clear <= 10.0


def test_rows_of_a_group_are_in_one_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row has a copy in its group: they would predict random labels if they were in other folds."""
    generator = torch.Generator().manual_seed(0)
    vectors, labels = torch.randn(61, 300, generator=generator), torch.randint(0, 2, (61,), generator=generator)
    twice, both = torch.cat([vectors, vectors]), torch.cat([labels, labels])
    together, apart = [str(row % 61) for row in range(122)], [str(row) for row in range(122)]
    monkeypatch.setattr(logreg, "PENALTIES", (1e6, 1.0))
    assert logreg.select_penalty(Rows(twice, both, together), 2) == 1e6
    assert logreg.select_penalty(Rows(twice, both, apart), 2) == 1.0


def test_the_selected_penalty_is_part_of_the_english_summary() -> None:
    vectors, labels = cloud(0)
    rows = Rows(vectors, labels, [str(row) for row in range(len(labels))])
    english = Logreg().select_on_english(rows, CLASSES)
    head = Logreg().fit(None, english, CLASSES)
    expected = Logreg(l2=float(english[3])).fit(None, (vectors, labels), CLASSES)
    for name, tensor in expected.items():
        torch.testing.assert_close(head[name], tensor)
    assert float(Logreg(l2=7.0).select_on_english(rows, CLASSES)[3]) == 7.0


@pytest.mark.parametrize("method", [Lda(), Logreg()])
def test_shots_of_another_language_lose_their_own_offset(method: FrozenStatesMethod) -> None:
    """Each language is elsewhere, and is predicted as well as if all were in the same place."""
    (english, labels), (own, own_labels), (other, other_labels) = (cloud(number) for number in range(3))
    summary = method.summarise([(english, labels)], CLASSES)

    def accuracy(own_shift: float, other_shift: float) -> float:
        moved = own + own_shift
        both = method.with_language(summary, method.summarise([(other + other_shift, other_labels)], CLASSES), CLASSES)
        head = method.fit(method.summarise([(moved, own_labels)], CLASSES), both, CLASSES)
        return float((method.scores(moved, head).argmax(-1) == own_labels).float().mean())

    assert accuracy(30.0, -50.0) >= accuracy(0.0, 0.0) - 0.05


def test_another_language_without_offset_counts_like_more_english_examples() -> None:
    (english, labels), (other, other_labels) = cloud(0), cloud(1)
    method = Logreg(l2=1.0, shots_weight=1.0, language_offset=False)
    joined = method.fit(None, method.with_language((english, labels), (other, other_labels), CLASSES), CLASSES)
    expected = method.fit((torch.cat([english, other]), torch.cat([labels, other_labels])), None, CLASSES)
    for name, tensor in expected.items():
        torch.testing.assert_close(joined[name], tensor, atol=1e-4, rtol=1e-4)


def test_the_result_is_deterministic() -> None:
    vectors, labels = cloud(0)
    expected = Logreg().fit((vectors, labels), None, CLASSES)
    again = Logreg().fit((vectors, labels), None, CLASSES)
    assert all(torch.equal(again[name], tensor) for name, tensor in expected.items())


def test_a_class_without_examples_is_never_predicted() -> None:
    vectors, labels = cloud(0)
    weight, bias = solve(vectors, labels + 1, CLASSES + 2, 1.0)
    scores = vectors.double() @ weight.T + bias
    assert scores.isfinite().all()
    assert set(scores.argmax(-1).tolist()) == set(range(1, CLASSES + 1))


def test_a_single_class_is_always_predicted() -> None:
    vectors, labels = cloud(0)
    weight, bias = solve(vectors, torch.full_like(labels, 2), CLASSES, 1.0)
    assert set((vectors.double() @ weight.T + bias).argmax(-1).tolist()) == {2}


def test_no_convergence_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logreg, "MAX_ITERATIONS", 2)
    with pytest.raises(StageError):
        solve(*cloud(0), CLASSES, 1.0)
