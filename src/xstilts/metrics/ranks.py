"""Ranks for image-text retrieval from a matrix of scores."""

from collections.abc import Sequence

import numpy as np


def ranks(scores: np.ndarray, image_of: Sequence[int]) -> list[tuple[int, int | None]]:
    """For each caption, the rank of its image among all images and, only for the first caption of each image, the best
    rank of that image's captions among all captions. Ranks start at 1.

    `scores` [captions, images], higher is better; `image_of` is the column of each caption's image. Ties are broken by
    index and NaN comes last, the order of a stable sort; IGLUE's evaluation leaves the order of ties open.
    Raises ValueError if the shapes do not match.
    """
    columns = np.asarray(image_of, dtype=int)
    if (
        scores.ndim != 2
        or columns.shape != scores.shape[:1]
        or (columns.size and not 0 <= columns.min() <= columns.max() < scores.shape[1])
    ):
        raise ValueError(f"{columns.size} captions do not fit scores of shape {scores.shape}")
    ordered = np.where(np.isnan(scores), -np.inf, scores)
    images = _rank(ordered, columns)
    texts = _rank(ordered.T[columns], np.arange(columns.size))
    best: dict[int, int] = {}
    for image, rank in zip(columns.tolist(), texts.tolist(), strict=True):
        best[image] = min(rank, best.get(image, rank))
    return [(rank, best.pop(image, None)) for rank, image in zip(images.tolist(), columns.tolist(), strict=True)]


def _rank(scores: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The rank, within each row, of the score in the given column."""
    target = np.take_along_axis(scores, columns[:, None], axis=1)
    before = np.arange(scores.shape[1]) < columns[:, None]
    return 1 + ((scores > target) | (before & (scores == target))).sum(axis=1)
