import numpy as np
import pytest

from xstilts.metrics.ranks import ranks


def test_a_caption_ranks_its_image_and_an_image_its_best_caption() -> None:
    scores = np.array([[0.9, 0.1, 0.2], [0.8, 0.7, 0.1], [0.3, 0.6, 0.5], [0.4, 0.2, 0.9]])
    # image 0 has the captions 0 and 3: the first of them carries the image's rank
    assert ranks(scores, [0, 1, 2, 0]) == [(1, 1), (2, 1), (2, 2), (2, None)]


def test_an_image_has_the_best_rank_of_its_captions_in_any_order() -> None:
    scores = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.1]])
    assert ranks(scores, [0, 1, 0]) == [(2, 1), (1, 1), (1, None)]


def test_ties_are_broken_by_index() -> None:
    assert ranks(np.zeros((3, 3)), [0, 1, 2]) == [(1, 1), (2, 2), (3, 3)]


def test_nan_scores_come_last() -> None:
    scores = np.array([[np.nan, 0.0], [np.nan, np.nan]])
    assert ranks(scores, [0, 1]) == [(2, 1), (2, 2)]


def test_ranks_are_those_of_a_stable_sort() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, (40, 25)).astype(float)
    own = rng.integers(0, 25, 40)
    found = ranks(scores, own.tolist())
    rows = [np.argsort(-row, kind="stable").tolist().index(image) + 1 for row, image in zip(scores, own, strict=True)]
    assert [image for image, _ in found] == rows
    columns = np.argsort(-scores, axis=0, kind="stable").argsort(axis=0) + 1
    best = {image: min(columns[own == image, image]) for image in set(own.tolist())}
    assert {image: text for (_, text), image in zip(found, own, strict=True) if text is not None} == best


@pytest.mark.parametrize("image_of", [[0], [0, 2], [0, -1]])
def test_columns_must_fit_the_matrix(image_of: list[int]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        ranks(np.zeros((2, 2)), image_of)
