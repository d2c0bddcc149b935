"""Candidate translations between two collections: exact nearest neighbours and the ratio margin.

Artetxe and Schwenk 2019, arXiv 1811.01136, with the settings of XTREME (Hu et al. 2020, arXiv 2003.11080).
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

NEIGHBOURS = 4
"""How many neighbours the margin averages over."""
_CELLS = 1 << 24
"""Similarities that are held at once: 64 MiB in single precision."""
_GROUP = 32
"""Of as many similarities first only the highest is looked at."""

Found = tuple[Tensor, Tensor]
"""The k highest cosines of each row and the rows of the other side that have them, both [rows, k], best first."""


def nearest_cosines(queries: Tensor, database: Tensor, k: int, cells: int = _CELLS) -> Found:
    """The k highest cosines of each query and the rows that have them, both [queries, k], best first.

    Both inputs are [rows, hidden] and of length 1. All rows are compared, about `cells` pairs at a time. Where the
    database is smaller than k, all of it is returned. Which of equal cosines are returned is not said.
    """
    return _compare(queries, database, k, cells, both=False)[0]


def mutual_cosines(left: Tensor, right: Tensor, k: int, cells: int = _CELLS) -> tuple[Found, Found]:
    """What `nearest_cosines` finds on the right for the left, and on the left for the right; one pass for both."""
    return _compare(left, right, k, cells, both=True)


def candidates(foreign: Tensor, english: Tensor, k: int = NEIGHBOURS) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows [foreign + english, 2] and their margins [foreign + english].

    The margin of two vectors is their cosine over the mean of both vectors' average cosine to their own k neighbours
    on the other side. Each row, foreign ones first, is paired with the one of its neighbours that has the highest
    margin; a pair may come twice. The vectors are [rows, hidden] and are normalised here.
    """
    foreign, english = (nn.functional.normalize(vectors, dim=-1) for vectors in (foreign, english))
    (there, there_rows), (back, back_rows) = mutual_cosines(foreign, english, k)
    means = there.mean(1), back.mean(1)
    to_english, found_english = _best(there, there_rows, means[0], means[1])
    to_foreign, found_foreign = _best(back, back_rows, means[1], means[0])
    rows_foreign, rows_english = (torch.arange(len(side), device=side.device) for side in (foreign, english))
    left, right = torch.cat([rows_foreign, found_foreign]), torch.cat([found_english, rows_english])
    margins = torch.cat([to_english, to_foreign])
    return torch.stack([left, right], 1).cpu().numpy(), margins.double().cpu().numpy()


def _best(cosines: Tensor, rows: Tensor, own: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """The highest margin of each query and the row that has it."""
    margins = cosines / ((own.unsqueeze(1) + others[rows]) / 2)
    best = margins.max(1)
    return best.values, rows.gather(1, best.indices.unsqueeze(1)).squeeze(1)


@torch.no_grad()
def _compare(left: Tensor, right: Tensor, k: int, cells: int, *, both: bool) -> tuple[Found, Found]:
    """Neighbours of the left and, where `both` is asked for, of the right, block by block of their cosines."""
    there, back = _Neighbours(len(left), min(k, len(right)), left), _Neighbours(len(right), min(k, len(left)), left)
    height, width = _sides(len(left), len(right), cells)
    held = left.new_empty(height * width)
    for top in range(0, len(left), height):
        rows = left[top : top + height]
        for start in range(0, len(right), width):
            columns = right[start : start + width]
            block = held[: len(rows) * len(columns)].view(len(rows), len(columns))
            torch.mm(rows, columns.T, out=block)
            there.add_block(block, 1, top, start)
            if both:
                back.add_block(block, 0, start, top)
    return (there.cosines, there.rows), (back.cosines, back.rows)


def _sides(left: int, right: int, cells: int) -> tuple[int, int]:
    """Height and width of a block: square where it can be, and made of whole groups."""
    height = max(1, min(left, math.isqrt(cells)))
    width = max(1, min(right, cells // height))
    height = max(1, min(left, cells // width))
    return height - height % _GROUP or height, width - width % _GROUP or width


class _Neighbours:
    """The k highest cosines so far of each row of one side.

    The k highest of a block lie in the k groups with the highest maxima, and only few rows find any that is higher than
    what they have: so nearly all that is done for a cosine is to compare it with the maximum of its group.
    """

    def __init__(self, count: int, k: int, like: Tensor) -> None:
        self.cosines = like.new_full((count, k), -math.inf)
        self.rows = torch.zeros(count, k, dtype=torch.long, device=like.device)

    def add_block(self, block: Tensor, dim: int, first: int, other: int) -> None:
        """Take in a block whose `dim` runs over the other side from row `other` on, its other one from `first` on."""
        size = _GROUP if block.shape[dim] % _GROUP == 0 else 1
        maxima = block.unflatten(dim, (size, -1)).amax(dim)
        maxima = maxima if dim else maxima.T
        higher = maxima.amax(1) > self.cosines[first : first + len(maxima), -1]
        if len(own := higher.nonzero().squeeze(1)):
            groups = maxima[own].topk(min(self.rows.shape[1], maxima.shape[1])).indices
            members = torch.arange(size, device=block.device) * maxima.shape[1]
            self._merge(block, dim, own, (groups.unsqueeze(2) + members).flatten(1), first, other)

    def _merge(self, block: Tensor, dim: int, own: Tensor, others: Tensor, first: int, other: int) -> None:
        """The block's rows `own` [some] take the best of what they have and its `others` [some, members of groups]."""
        places = own.unsqueeze(1) * block.stride(1 - dim) + others * block.stride(dim)
        cosines = block.view(-1).index_select(0, places.view(-1)).view_as(places)
        own = own + first
        best = torch.cat([self.cosines[own], cosines], 1).topk(self.rows.shape[1])
        self.cosines[own] = best.values
        self.rows[own] = torch.cat([self.rows[own], others + other], 1).gather(1, best.indices)
