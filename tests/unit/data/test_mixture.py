import numpy as np
import pytest

from xstilts.config.training import Sampling
from xstilts.data.mixture import language_probabilities, task_probabilities, task_schedule


def test_proportional_with_a_cap():
    assert task_probabilities([100, 300], Sampling()).tolist() == pytest.approx([0.25, 0.75])
    assert task_probabilities([100, 300], Sampling(cap=100)).tolist() == pytest.approx([0.5, 0.5])


def test_temperature_flattens_and_uniform_ignores_sizes():
    assert task_probabilities([1, 16], Sampling(by="temperature", temperature=2)).tolist() == pytest.approx([0.2, 0.8])
    assert task_probabilities([1, 16], Sampling(by="temperature", temperature=1)).tolist() == pytest.approx(
        [1 / 17, 16 / 17]
    )
    assert task_probabilities([1, 999], Sampling(by="uniform")).tolist() == pytest.approx([0.5, 0.5])


def test_schedule_follows_the_weights():
    drawn = task_schedule(task_probabilities([100, 300], Sampling()), 4000, np.random.default_rng(0))
    assert len(drawn) == 4000
    assert np.mean(drawn) == pytest.approx(0.75, abs=0.03)


def test_small_languages_are_drawn_more_often_than_they_are_large():
    assert language_probabilities([100, 900], 1.0).tolist() == pytest.approx([0.1, 0.9])
    assert language_probabilities([100, 900], 0.0).tolist() == pytest.approx([0.5, 0.5])
    small, large = 0.1**0.3, 0.9**0.3
    assert language_probabilities([100, 900], 0.3).tolist() == pytest.approx(
        [small / (small + large), large / (small + large)]
    )
