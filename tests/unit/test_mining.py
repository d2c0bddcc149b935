import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from xstilts.mining import candidates, nearest_cosines


def vectors(rows: int, seed: int) -> torch.Tensor:
    return normalize(torch.randn(rows, 5, generator=torch.Generator().manual_seed(seed)), dim=-1)


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(1, 40))
def test_blocks_change_nothing(queries, database, k, cells):
    left, right = vectors(queries, 0), vectors(database, 1)
    values, rows = nearest_cosines(left, right, k, cells=cells)
    expected = (left @ right.T).topk(min(k, database))
    torch.testing.assert_close(values, expected.values)
    assert rows.equal(expected.indices)


def test_the_margin_divides_by_how_near_both_are_to_everybody():
    foreign, english = vectors(6, 0), vectors(7, 1)
    pairs, margins = candidates(foreign, english, k=2)
    cosines = foreign @ english.T
    means = cosines.topk(2, dim=1).values.mean(1), cosines.topk(2, dim=0).values.mean(0)
    expected = cosines / ((means[0].unsqueeze(1) + means[1]) / 2)
    assert pairs.shape == (6 + 7, 2)
    assert pairs[:6, 0].tolist() == list(range(6)) and pairs[6:, 1].tolist() == list(range(7))
    assert margins == pytest.approx(expected[pairs[:, 0], pairs[:, 1]].numpy(), abs=1e-6)


def test_a_hub_is_no_translation():
    """The hub is the nearest of both foreign vectors, but it is near to everybody: the margin finds the others."""
    foreign = torch.tensor([[1.0, 0.2, 0.0], [1.0, -0.2, 0.0]])
    english = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.45, 0.1], [1.0, -0.45, 0.1]])
    cosines = normalize(foreign, dim=-1) @ normalize(english, dim=-1).T
    assert cosines.argmax(1).tolist() == [0, 0]
    pairs, _ = candidates(foreign, english, k=2)
    assert pairs[:2].tolist() == [[0, 1], [1, 2]]


def test_the_length_of_a_vector_does_not_matter():
    foreign, english = vectors(4, 0), vectors(4, 1)
    pairs, margins = candidates(foreign * 7, english / 3)
    same, unscaled = candidates(foreign, english)
    assert pairs.tolist() == same.tolist()
    assert margins == pytest.approx(unscaled, rel=1e-5)
