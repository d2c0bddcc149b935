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
    own = np.asarray(image_of, dtype=int)
    if (
        scores.ndim != 2
        or own.shape != scores.shape[:1]
        or (own.size and not 0 <= own.min() <= own.max() < scores.shape[1])
    ):
        raise ValueError(f"{own.size} captions do not fit scores of shape {scores.shape}")
    ordered = np.where(np.isnan(scores), -np.inf, scores)
    images = _rank(ordered, own)
    texts = _rank(ordered.T[own], np.arange(own.size))
    best: dict[int, int] = {}
    for image, rank in zip(own.tolist(), texts.tolist(), strict=True):
        best[image] = min(rank, best.get(image, rank))
    return [(rank, best.pop(image, None)) for rank, image in zip(images.tolist(), own.tolist(), strict=True)]


def _rank(scores: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The rank in each row of the score that stands in its column `wanted`."""
    target = np.take_along_axis(scores, wanted[:, None], axis=1)
    before = np.arange(scores.shape[1]) < wanted[:, None]
    return 1 + ((scores > target) | (before & (scores == target))).sum(axis=1)
