"""Bitext mining: exact nearest neighbours and the ratio margin.

Artetxe and Schwenk (2019, arXiv 1811.01136), with the settings of XTREME (Hu et al. 2020, arXiv 2003.11080).
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

NEIGHBOURS = 4
"""The number of neighbours that the margin averages over."""
_CELLS = 1 << 24
"""Cosines in memory at once: 64 MiB in float32."""
_GROUP = 32
"""Cosines per group; only the maximum of a group is compared first."""

Neighbours = tuple[Tensor, Tensor]
"""The k highest cosines of each row and their rows in the other collection, both [rows, k], best first."""


def nearest_cosines(queries: Tensor, database: Tensor, k: int, cells: int = _CELLS) -> Neighbours:
    """The k highest cosines of each query and their database rows, both [queries, k], best first.

    Inputs are unit vectors [rows, hidden]. The search is exact and compares about `cells` pairs at a time. A database
    with fewer than k rows gives fewer neighbours. The order of ties is unspecified.
    """
    return _compare(queries, database, k, cells, mutual=False)[0]


def mutual_cosines(left: Tensor, right: Tensor, k: int, cells: int = _CELLS) -> tuple[Neighbours, Neighbours]:
    """`nearest_cosines` in both directions, left to right and right to left, in one pass."""
    return _compare(left, right, k, cells, mutual=True)


def candidates(foreign: Tensor, english: Tensor, k: int = NEIGHBOURS) -> tuple[np.ndarray, np.ndarray]:
    """Candidate translation pairs [foreign + english, 2] as row numbers, and their margins [foreign + english].

    The margin of two vectors is their cosine divided by the mean of both vectors' average cosine to their k neighbours
    in the other collection. Each row, foreign rows first, is paired with its neighbour with the highest margin; a pair
    may occur twice. Inputs are [rows, hidden]; they are normalised here.
    """
    foreign, english = (nn.functional.normalize(vectors, dim=-1) for vectors in (foreign, english))
    forward, backward = mutual_cosines(foreign, english, k)
    forward_means, backward_means = forward[0].mean(1), backward[0].mean(1)
    forward_margins, english_rows = _best_margins(forward, forward_means, backward_means)
    backward_margins, foreign_rows = _best_margins(backward, backward_means, forward_means)
    all_foreign, all_english = (torch.arange(len(rows), device=rows.device) for rows in (foreign, english))
    pairs = torch.stack([torch.cat([all_foreign, foreign_rows]), torch.cat([english_rows, all_english])], 1)
    margins = torch.cat([forward_margins, backward_margins])
    return pairs.cpu().numpy(), margins.double().cpu().numpy()


def _best_margins(neighbours: Neighbours, query_means: Tensor, database_means: Tensor) -> tuple[Tensor, Tensor]:
    """The highest margin of each query and its database row, both [queries]."""
    cosines, rows = neighbours
    margins = cosines / ((query_means.unsqueeze(1) + database_means[rows]) / 2)
    best = margins.max(1)
    return best.values, rows.gather(1, best.indices.unsqueeze(1)).squeeze(1)


@torch.no_grad()
def _compare(left: Tensor, right: Tensor, k: int, cells: int, *, mutual: bool) -> tuple[Neighbours, Neighbours]:
    """Neighbours of the left rows and, if `mutual`, of the right rows, from blocks of the cosine matrix."""
    forward, backward = _TopK(len(left), min(k, len(right)), left), _TopK(len(right), min(k, len(left)), left)
    height, width = _block_size(len(left), len(right), cells)
    buffer = left.new_empty(height * width)
    for top in range(0, len(left), height):
        rows = left[top : top + height]
        for start in range(0, len(right), width):
            columns = right[start : start + width]
            block = buffer[: len(rows) * len(columns)].view(len(rows), len(columns))
            torch.mm(rows, columns.T, out=block)
            forward.add_block(block, 1, top, start)
            if mutual:
                backward.add_block(block, 0, start, top)
    return (forward.cosines, forward.rows), (backward.cosines, backward.rows)


def _block_size(left: int, right: int, cells: int) -> tuple[int, int]:
    """Height and width of a block: square if possible, and a multiple of the group size."""
    height = max(1, min(left, math.isqrt(cells)))
    width = max(1, min(right, cells // height))
    height = max(1, min(left, cells // width))
    return height - height % _GROUP or height, width - width % _GROUP or width


class _TopK:
    """The running k highest cosines of each query.

    The k highest cosines of a block are in the k groups with the highest maxima, and few queries have a group with a
    higher cosine than their running top k. So most cosines are only compared with the maximum of their group.
    """

    def __init__(self, queries: int, k: int, like: Tensor) -> None:
        self.cosines = like.new_full((queries, k), -math.inf)
        self.rows = torch.zeros(queries, k, dtype=torch.long, device=like.device)

    def add_block(self, block: Tensor, dim: int, query_start: int, database_start: int) -> None:
        """Update with a block of cosines; `dim` is its database dimension."""
        size = _GROUP if block.shape[dim] % _GROUP == 0 else 1
        maxima = block.unflatten(dim, (size, -1)).amax(dim)
        maxima = maxima if dim else maxima.T
        is_improved = maxima.amax(1) > self.cosines[query_start : query_start + len(maxima), -1]
        queries = is_improved.nonzero().squeeze(1)
        if not len(queries):
            return
        groups = maxima[queries].topk(min(self.rows.shape[1], maxima.shape[1])).indices
        members = torch.arange(size, device=block.device) * maxima.shape[1]
        columns = (groups.unsqueeze(2) + members).flatten(1)
        positions = queries.unsqueeze(1) * block.stride(1 - dim) + columns * block.stride(dim)
        cosines = block.view(-1).index_select(0, positions.view(-1)).view_as(positions)
        queries = queries + query_start
        best = torch.cat([self.cosines[queries], cosines], 1).topk(self.rows.shape[1])
        self.cosines[queries] = best.values
        self.rows[queries] = torch.cat([self.rows[queries], columns + database_start], 1).gather(1, best.indices)
