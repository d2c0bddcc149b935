"""The discriminant of choices agrees with scikit-learn, and with its definition."""

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xstilts.methods.lda import Lda
from xstilts.methods.lda_choices import choice_loss, choice_moments, solve
from xstilts.problems import PROBLEMS

WIDTH = 5


def questions(seed: int, sizes: list[int], shift: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """The choices of questions, each with a large mean of its own; the right one is moved in one direction."""
    random = np.random.default_rng(seed)
    vectors, labels = [], []
    for number, size in enumerate(sizes):
        right = random.integers(size)
        noise = random.normal(size=(size, WIDTH)) * np.linspace(0.3, 3, WIDTH)
        vectors.append(shift + random.normal(size=WIDTH) * 10 + noise + np.outer(np.arange(size) == right, np.ones(5)))
        labels += [(number, int(choice == right)) for choice in range(size)]
    return torch.tensor(np.concatenate(vectors), dtype=torch.float32), torch.tensor(labels)


def fitted(lda: Lda, shots, english) -> torch.Tensor:
    summaries = [None if rows is None else choice_moments(*rows) for rows in (shots, english)]
    head = lda.classifier(PROBLEMS["choice"]).fit(*summaries, 0)
    assert head["weight"].shape == (1, WIDTH) and not head["bias"].any()
    return head["weight"][0]


@pytest.mark.parametrize("shrinkage", [0.02, 0.5, 1.0])
def test_two_choices_are_classified_like_their_differences_by_scikit_learn(shrinkage):
    (vectors, labels), (others, _) = questions(1, [2] * 60), questions(2, [2] * 20)
    weight = solve(choice_moments(vectors, labels), shrinkage)
    pairs, first_is_right = vectors.view(-1, 2, WIDTH).double().numpy(), labels[::2, 1].numpy()
    differences = pairs[:, 0] - pairs[:, 1]
    reference = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage))
    reference.fit(np.concatenate([differences, -differences]), np.concatenate([first_is_right, 1 - first_is_right]))
    first, second = others.view(-1, 2, WIDTH).unbind(1)
    expected = reference.predict_proba((first - second).double().numpy())[:, 1]
    np.testing.assert_allclose(((first - second) @ weight).sigmoid(), expected, atol=1e-4)


def test_the_weight_is_the_difference_over_the_covariance_within_questions():
    """With as many choices in all questions, the difference is that of the means of right and wrong choices."""
    vectors, labels = questions(1, [4] * 50)
    rows, right = vectors.view(-1, 4, WIDTH).double().numpy(), labels[:, 1].view(-1, 4).numpy()
    difference = (rows[right == 1] - (rows * (1 - right[..., None])).sum(1) / 3).mean(0)
    centred = rows - rows.mean(1, keepdims=True)
    residuals = (centred - (right - 0.25)[..., None] * difference).reshape(-1, WIDTH)
    scale = np.sqrt((centred**2).sum((0, 1)) / (50 * 3))
    covariance = residuals.T @ residuals / (50 * 3) / np.outer(scale, scale)
    shrunk = 0.7 * covariance + 0.3 * np.trace(covariance) / WIDTH * np.eye(WIDTH)
    expected = np.linalg.solve(shrunk, difference / scale) / scale
    np.testing.assert_allclose(solve(choice_moments(vectors, labels), 0.3), expected, rtol=1e-4)


def test_moments_add_up_whatever_the_numbers_of_choices():
    (vectors, labels), (others, numbers) = questions(1, [2, 3, 4]), questions(2, [5, 2])
    both = choice_moments(torch.cat([vectors, others]), torch.cat([labels, numbers + torch.tensor([[3, 0]])]))
    summed = choice_moments(vectors, labels).plus(choice_moments(others, numbers))
    for tensor, expected in zip(summed, both, strict=True):
        torch.testing.assert_close(tensor, expected)


def test_a_shift_of_the_shots_changes_nothing():
    english, shots, shifted = questions(1, [3] * 20), questions(2, [3] * 5), questions(2, [3] * 5, shift=100)
    torch.testing.assert_close(fitted(Lda(), shifted, english), fitted(Lda(), shots, english), rtol=1e-3, atol=1e-4)


def test_a_shot_counts_like_several_english_questions():
    (vectors, labels), (others, numbers) = questions(1, [3] * 20), questions(2, [3] * 5)
    copies = torch.cat([numbers + torch.tensor([[20 + 5 * copy, 0]]) for copy in range(3)])
    pooled = (torch.cat([vectors, others.repeat(3, 1)]), torch.cat([labels, copies]))
    weight = fitted(Lda(shots_weight=3, shrinkage=0.5), (others, numbers), (vectors, labels))
    torch.testing.assert_close(weight, fitted(Lda(shrinkage=0.5), None, pooled), rtol=1e-4, atol=1e-5)


def test_the_loss_is_the_cross_entropy_within_each_question():
    _, labels = questions(1, [2, 4, 3])
    logits = torch.arange(9.0) * 30
    expected = [
        torch.nn.functional.cross_entropy(rows, number[:, 1].argmax()).item()
        for rows, number in zip(logits.split([2, 4, 3]), labels.split([2, 4, 3]), strict=True)
    ]
    assert choice_loss(logits, labels) == pytest.approx(np.mean(expected))
