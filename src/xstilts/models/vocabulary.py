"""An embedding table with only the rows that a stage's data use, and the way back to the full one.

Rows of absent tokens get no gradient, so AdamW would only shrink them by its weight decay; `expand` does the same at
once. Training the small table therefore gives the full table that ordinary training gives.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.models.split import backbone


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The small table in `model`; `rows` are the full table's row numbers, ascending, `full` that table."""

    model: PreTrainedModel
    full: nn.Embedding
    rows: Tensor
    index: Tensor

    def translate(self, ids: Tensor) -> Tensor:
        """Ids of the full vocabulary to rows of the small table."""
        return self.index[ids]

    def expand(self, decay: float) -> None:
        """Put the full table back: trained rows from the small one, all others times `decay`."""
        small = cast(nn.Embedding, backbone(self.model).get_input_embeddings())
        with torch.no_grad():
            weight = self.full.weight * decay
            weight[self.rows] = small.weight.to(weight.device)
            self.full.weight = nn.Parameter(weight)
        backbone(self.model).set_input_embeddings(self.full)


def compact(model: PreTrainedModel, ids: Iterable[int]) -> Vocabulary:
    """Replace the model's word embeddings by those of `ids`.

    Rows up to the padding token's are always kept: XLM-R reckons positions from the padding id itself.
    """
    full = cast(nn.Embedding, backbone(model).get_input_embeddings())
    padding = full.padding_idx
    rows = torch.tensor(sorted({*ids, *range((padding or 0) + 1)}), dtype=torch.long)
    small = nn.Embedding(len(rows), full.embedding_dim, padding_idx=padding)
    small.weight = nn.Parameter(full.weight.detach()[rows].clone(), requires_grad=full.weight.requires_grad)
    backbone(model).set_input_embeddings(small)
    index = torch.full((full.num_embeddings,), -1, dtype=torch.long)
    index[rows] = torch.arange(len(rows))
    return Vocabulary(model=model, full=full, rows=rows, index=index)
