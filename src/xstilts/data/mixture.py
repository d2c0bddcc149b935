"""Which task a step trains, when several are trained together."""

from collections.abc import Sequence

import numpy as np

from xstilts.config import Sampling


def weights(sizes: Sequence[int], sampling: Sampling) -> np.ndarray:
    """Probability of each task, from its number of examples.

    Proportional with a cap and temperature as in Raffel et al. (2020, arXiv 1910.10683, section 3.5.2).
    """
    counts = np.minimum(np.asarray(sizes, dtype=float), sampling.cap)
    if sampling.by == "uniform":
        counts = np.ones_like(counts)
    elif sampling.by == "temperature":
        counts = counts ** (1 / sampling.temperature)
    return counts / counts.sum()


def schedule(sizes: Sequence[int], sampling: Sampling, steps: int, rng: np.random.Generator) -> list[int]:
    """The index of one task for every step."""
    return rng.choice(len(sizes), size=steps, p=weights(sizes, sampling)).tolist()
