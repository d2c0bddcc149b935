"""Which task a step trains, when several are trained together."""

from collections.abc import Sequence

import numpy as np

from xstilts.config.training import Sampling


def weights(sizes: Sequence[int], sampling: Sampling) -> np.ndarray:
    """Probability of each task, from its number of examples."""
    return np.array(sampling.shares(sizes))


def by_language(counts: Sequence[int], alpha: float) -> np.ndarray:
    """Probability of each language, from its number of texts: its share to the power of `alpha`, normalised.

    Conneau et al. (2020, arXiv 1911.02116, section 3.1), after Lample and Conneau (2019, arXiv 1901.07291, 3.1).
    """
    shares = (np.asarray(counts, dtype=float) / sum(counts)) ** alpha
    return shares / shares.sum()


def schedule(shares: np.ndarray, steps: int, rng: np.random.Generator) -> list[int]:
    """The index of one task for every step, drawn with these probabilities."""
    return rng.choice(len(shares), size=steps, p=shares).tolist()
