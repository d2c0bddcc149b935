"""Where captions find their image, and images a caption of theirs, in a matrix of scores."""

from collections.abc import Sequence

import numpy as np


def ranks(scores: np.ndarray, image_of: Sequence[int]) -> list[tuple[int, int | None]]:
    """For each caption, the rank of its image among all images and, in the first caption of an image alone, the best
    rank of a caption of that image among all captions; ranks count from 1.

    `scores` are [captions, images], higher is better; `image_of` is the column of each caption's image. Of equal scores
    the one of the lower index comes first, a score that is no number comes last: the order of a stable sort, as in
    IGLUE's evaluation, whose own sort leaves it open which of equals is first.
    Raises ValueError where the shapes do not fit.
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
    """The rank in each row of the score that stands in its column `wanted`."""
    target = np.take_along_axis(scores, columns[:, None], axis=1)
    before = np.arange(scores.shape[1]) < columns[:, None]
    return 1 + ((scores > target) | (before & (scores == target))).sum(axis=1)
