"""Labelled vectors whose classes overlap."""

import numpy as np
import torch
from torch import Tensor

CLASSES, WIDTH = 4, 6


def cloud(seed: int, rows: int = 60) -> tuple[Tensor, Tensor]:
    """Vectors around class means far from the origin, like the states of an encoder."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(rows) % CLASSES)
    means = random.normal(size=(CLASSES, WIDTH)) * 2
    vectors = 10 + means[labels] + random.normal(size=(rows, WIDTH)) * random.uniform(0.1, 3, WIDTH)
    return torch.tensor(vectors, dtype=torch.float32), torch.tensor(labels)
