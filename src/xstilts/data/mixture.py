"""Sampling of tasks and languages in multi-task training."""

from collections.abc import Sequence

import numpy as np

from xstilts.config.training import Sampling


def task_probabilities(sizes: Sequence[int], sampling: Sampling) -> np.ndarray:
    """The probability of each task, from its number of examples."""
    return np.array(sampling.shares(sizes))


def language_probabilities(counts: Sequence[int], alpha: float) -> np.ndarray:
    """The probability of each language: its share of the texts to the power of `alpha`, normalised.

    Conneau et al. (2020, arXiv 1911.02116, section 3.1), after Lample and Conneau (2019, arXiv 1901.07291, 3.1).
    """
    shares = (np.asarray(counts, dtype=float) / sum(counts)) ** alpha
    return shares / shares.sum()


def task_schedule(shares: np.ndarray, steps: int, rng: np.random.Generator) -> list[int]:
    """The index of a task for every step, sampled with these probabilities."""
    return rng.choice(len(shares), size=steps, p=shares).tolist()
