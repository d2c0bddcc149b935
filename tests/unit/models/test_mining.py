import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from xstilts.models.mining import candidates, mutual_cosines, nearest_cosines


def vectors(rows: int, seed: int) -> torch.Tensor:
    return normalize(torch.randn(rows, 5, generator=torch.Generator().manual_seed(seed)), dim=-1)


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(1, 40))
def test_block_size_does_not_change_neighbours(queries, database, k, cells):
    left, right = vectors(queries, 0), vectors(database, 1)
    values, rows = nearest_cosines(left, right, k, cells=cells)
    expected = (left @ right.T).topk(min(k, database))
    torch.testing.assert_close(values, expected.values)
    assert rows.equal(expected.indices)


@settings(max_examples=40)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 7), st.integers(1, 1 << 15), st.booleans())
def test_mutual_cosines_equal_both_directions(foreign, english, k, cells, rising):
    """Sizes with whole groups and without, and an order in which every block has better ones than those before."""
    left, right = vectors(foreign, 0), vectors(english, 1)
    if rising:
        right = right[(left @ right.T).sum(0).argsort()]
    cosines = left @ right.T
    for neighbours, matrix in zip(mutual_cosines(left, right, k, cells=cells), (cosines, cosines.T), strict=True):
        expected = matrix.topk(min(k, matrix.shape[1]))
        torch.testing.assert_close(neighbours[0], expected.values)
        torch.testing.assert_close(matrix.gather(1, neighbours[1]), expected.values)
        assert all(len(set(rows)) == len(rows) for rows in neighbours[1].tolist())


@settings(max_examples=20)
@given(st.integers(1, 130), st.integers(1, 5), st.integers(1, 1 << 13))
def test_duplicate_rows_are_separate_neighbours(copies, k, cells):
    """No row comes twice, and all of the k have the cosine of the copies."""
    vectors_a, vectors_b = vectors(3, 0), vectors(1, 1).repeat(copies, 1)
    values, rows = nearest_cosines(vectors_a, vectors_b, k, cells=cells)
    torch.testing.assert_close(values, (vectors_a @ vectors_b.T)[:, : min(k, copies)])
    assert all(len(set(neighbours)) == min(k, copies) for neighbours in rows.tolist())


def test_ratio_margin_divides_by_mean_neighbour_cosines():
    foreign, english = vectors(6, 0), vectors(7, 1)
    pairs, margins = candidates(foreign, english, k=2)
    cosines = foreign @ english.T
    means = cosines.topk(2, dim=1).values.mean(1), cosines.topk(2, dim=0).values.mean(0)
    expected = cosines / ((means[0].unsqueeze(1) + means[1]) / 2)
    assert pairs.shape == (6 + 7, 2)
    assert pairs[:6, 0].tolist() == list(range(6)) and pairs[6:, 1].tolist() == list(range(7))
    assert margins == pytest.approx(expected[pairs[:, 0], pairs[:, 1]].numpy(), abs=1e-6)


def test_hubs_are_not_mined():
    """The hub is the nearest of both foreign vectors, but it is near to everybody: the margin finds the others."""
    foreign = torch.tensor([[1.0, 0.2, 0.0], [1.0, -0.2, 0.0]])
    english = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.45, 0.1], [1.0, -0.45, 0.1]])
    cosines = normalize(foreign, dim=-1) @ normalize(english, dim=-1).T
    assert cosines.argmax(1).tolist() == [0, 0]
    pairs, _ = candidates(foreign, english, k=2)
    assert pairs[:2].tolist() == [[0, 1], [1, 2]]


def test_candidates_do_not_depend_on_vector_norms():
    foreign, english = vectors(4, 0), vectors(4, 1)
    pairs, margins = candidates(foreign * 7, english / 3)
    same, unscaled = candidates(foreign, english)
    assert pairs.tolist() == same.tolist()
    assert margins == pytest.approx(unscaled, rel=1e-5)
