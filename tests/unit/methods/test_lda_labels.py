"""The discriminants of labels agree with scikit-learn, and with their definition."""

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xstilts.methods.lda import Lda
from xstilts.methods.lda_labels import label_moments, language_shift, solve
from xstilts.problems import PROBLEMS

WIDTH, LABELS = 6, 3


def cloud(seed: int, rows: int = 80, shift: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors far from the origin that move in one direction for each of their labels."""
    random = np.random.default_rng(seed)
    labels = random.random((rows, LABELS)) < [0.5, 0.3, 0.1]
    effects = np.random.default_rng(0).normal(size=(LABELS, WIDTH)) * 2
    noise = random.normal(size=(rows, WIDTH)) * np.linspace(0.3, 3, WIDTH)
    vectors = 10 + shift + labels @ effects + noise
    return torch.tensor(vectors, dtype=torch.float32), torch.tensor(labels, dtype=torch.float32)


def fitted(lda: Lda, shots, english) -> dict[str, torch.Tensor]:
    summaries = [None if rows is None else label_moments(*rows) for rows in (shots, english)]
    return lda.classifier(PROBLEMS["multi-label"]).fit(*summaries, LABELS)


@pytest.mark.parametrize("shrinkage", [0.02, 0.5, 1.0])
def test_each_label_has_the_probability_of_scikit_learns_binary_discriminant(shrinkage):
    (vectors, labels), (others, _) = cloud(1), cloud(2)
    weight, bias = solve(label_moments(vectors, labels), shrinkage)
    probabilities = (others @ weight.T + bias).sigmoid()
    for label in range(LABELS):
        reference = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage))
        reference.fit(vectors.double().numpy(), labels[:, label].numpy())
        expected = reference.predict_proba(others.double().numpy())[:, 1]
        np.testing.assert_allclose(probabilities[:, label], expected, atol=1e-4)


def test_labels_that_none_or_all_have_are_predicted_never_or_always():
    vectors, labels = cloud(1)
    labels[:, 0], labels[:, 2] = 0, 1
    weight, bias = solve(label_moments(vectors, labels), 0.5)
    logits = 1000 * vectors @ weight.T + bias
    assert logits.isfinite().all()
    assert (logits[:, 0] < 0).all() and (logits[:, 2] > 0).all()


def test_moments_add_up_and_shift_and_scale():
    vectors, labels = cloud(1)
    offset = torch.arange(WIDTH).double()
    first, second = (label_moments(vectors[rows], labels[rows]) for rows in (slice(30), slice(30, None)))
    computed = first.plus(second).shifted(offset).scaled(2)
    expected = label_moments((vectors.double() + offset).repeat(2, 1), labels.repeat(2, 1))
    for tensor, expected_tensor in zip(computed, expected, strict=True):
        torch.testing.assert_close(tensor, expected_tensor)


def test_the_shift_of_a_language_does_not_depend_on_the_labels_of_its_shots():
    """The raw shift is the mean residual of the regression on labels, times the factor of James and Stein."""
    (vectors, labels), (others, _) = cloud(1, rows=400), cloud(2, shift=5)
    only_first = torch.tensor([1.0, 0, 0]).repeat(len(others), 1)
    design = np.column_stack([np.ones(len(labels)), labels.double().numpy()])
    coefficients, *_ = np.linalg.lstsq(design, vectors.double().numpy())
    residuals = vectors.double().numpy() - design @ coefficients
    raw = others.double().numpy().mean(0) - coefficients[0] - coefficients[1]
    factor = 1 - WIDTH / len(others) / (raw**2 / residuals.var(0)).sum()
    shift = language_shift(label_moments(others, only_first), label_moments(vectors, labels))
    np.testing.assert_allclose(shift, raw * factor, rtol=1e-6)


def test_one_shot_like_english_has_no_shift():
    vectors, labels = cloud(1, rows=400)
    mean = vectors[labels.sum(1) == 0].mean(0, keepdim=True)
    assert not language_shift(label_moments(mean, torch.zeros(1, LABELS)), label_moments(vectors, labels)).any()


def test_a_language_that_is_only_shifted_is_classified_like_english():
    english, (others, _) = cloud(1, rows=400), cloud(2, rows=400)
    lda = Lda(shrinkage=0.5)
    shots = (english[0] + 50, english[1])
    classifier = lda.classifier(PROBLEMS["multi-label"])
    shifted = classifier.scores(others + 50, fitted(lda, shots, english)) > 0
    plain = classifier.scores(others, fitted(lda, None, english)) > 0
    assert (shifted == plain).float().mean() > 0.99


def test_the_weight_of_the_shots_is_a_number_of_examples():
    english, shots = cloud(1), cloud(2, rows=10)
    pooled = tuple(torch.cat([english[n], shots[n], shots[n], shots[n]]) for n in range(2))
    head = fitted(Lda(shots_weight=3, language_offset=False, shrinkage=0.5), shots, english)
    expected = fitted(Lda(shrinkage=0.5), None, pooled)
    for name, tensor in head.items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("copies", "shrinkage"), [(3, 0.9), (4, 0.6)])
def test_the_shrinkage_follows_the_number_of_shots_per_label(copies, shrinkage):
    english, (vectors, _) = cloud(1), cloud(2, rows=LABELS)
    shots = (vectors.repeat(copies, 1), torch.eye(LABELS).repeat(copies, 1))
    head, expected = (fitted(lda, shots, english) for lda in (Lda(), Lda(shrinkage=shrinkage)))
    assert torch.equal(head["weight"], expected["weight"])
