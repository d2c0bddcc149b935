"""Candidate translations between two collections: exact nearest neighbours and the ratio margin.

Artetxe and Schwenk 2019, arXiv 1811.01136, with the settings of XTREME (Hu et al. 2020, arXiv 2003.11080).
"""

import numpy as np
import torch
from torch import Tensor, nn

NEIGHBOURS = 4
"""How many neighbours the margin averages over."""
_CELLS = 1 << 24
"""Similarities that are held at once: 64 MiB in single precision."""


def nearest_cosines(queries: Tensor, database: Tensor, k: int, cells: int = _CELLS) -> tuple[Tensor, Tensor]:
    """The k highest cosines of each query and the rows that have them, both [queries, k], best first.

    Both inputs are [rows, hidden] and of length 1. All rows are compared, about `cells` pairs at a time. Where the
    database is smaller than k, all of it is returned.
    """
    found = [(part @ database.T).topk(min(k, len(database))) for part in queries.split(max(1, cells // len(database)))]
    return torch.cat([best.values for best in found]), torch.cat([best.indices for best in found])


def candidates(foreign: Tensor, english: Tensor, k: int = NEIGHBOURS) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows [foreign + english, 2] and their margins [foreign + english].

    The margin of two vectors is their cosine over the mean of both vectors' average cosine to their own k neighbours
    on the other side. Each row, foreign ones first, is paired with the one of its neighbours that has the highest
    margin; a pair may come twice. The vectors are [rows, hidden] and are normalised here.
    """
    foreign, english = (nn.functional.normalize(vectors, dim=-1) for vectors in (foreign, english))
    (there, there_rows), (back, back_rows) = nearest_cosines(foreign, english, k), nearest_cosines(english, foreign, k)
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
