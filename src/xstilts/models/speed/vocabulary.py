"""Reduces the embedding table to the tokens in a stage's data, and restores the full table after training.

Rows of unused tokens get no gradient, so AdamW only applies weight decay to them; `expand` applies it at once. So the
restored table equals that of training with the full table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.models.families import BY_MODEL_TYPE
from xstilts.models.split import text_tower
from xstilts.platform.hardware import advise_pageout, advise_populate, release_free_memory


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedVocabulary:
    """The reduced table in `model`. `rows` are its rows in `full_table`, ascending; `index` maps ids to its rows, -1
    for unused ids."""

    model: PreTrainedModel
    full_table: nn.Embedding
    rows: Tensor
    index: Tensor
    end: int | None = None
    """The original end-of-text id of a model that searches for it (CLIP), otherwise None."""

    def translate(self, ids: Tensor) -> Tensor:
        """Map ids of the full vocabulary to rows of the reduced table."""
        return self.index[ids]

    def expand(self, decay: float) -> None:
        """Restore the full table: copy the rows in use, multiply all others by `decay`."""
        release_free_memory()
        tower = text_tower(self.model)
        small = cast(nn.Embedding, tower.get_input_embeddings())
        if self.is_on_cpu:
            advise_populate(self.full_table.weight.data_ptr(), self.full_table.weight.nbytes)
        with torch.no_grad():
            self.full_table.weight.mul_(decay)
            self.full_table.weight[self.rows] = small.weight.to(self.full_table.weight.device)
        tower.set_input_embeddings(self.full_table)
        if self.end is not None:
            tower.eos_token_id = self.end  # type: ignore[assignment]

    @property
    def is_on_cpu(self) -> bool:
        """Whether the full table is contiguous in CPU memory."""
        return self.full_table.weight.is_cpu and self.full_table.weight.is_contiguous()


def reduce_vocabulary(model: PreTrainedModel, ids: Iterable[int]) -> ReducedVocabulary:
    """Reduce the model's word embeddings to `ids`. The full table is paged out until `expand`.

    The padding token always stays. If position ids start above its id, all rows below it stay too, so that its id
    does not change.
    """
    tower = text_tower(model)
    full = cast(nn.Embedding, tower.get_input_embeddings())
    padding = full.padding_idx or 0
    row = BY_MODEL_TYPE.get(tower.config.model_type)
    keeps_id = row is None or row.positions_from_padding
    rows = torch.tensor(sorted({*ids, *(range(padding + 1) if keeps_id else (padding,))}), dtype=torch.long)
    padding_row = None if full.padding_idx is None else int((rows == padding).nonzero())
    small = nn.Embedding(len(rows), full.embedding_dim, padding_idx=padding_row)
    small.weight = nn.Parameter(full.weight.detach()[rows].clone(), requires_grad=full.weight.requires_grad)
    tower.set_input_embeddings(small)
    index = torch.full((full.num_embeddings,), -1, dtype=torch.long)
    index[rows] = torch.arange(len(rows))
    if (end := _end(tower)) is not None:
        tower.eos_token_id = int(index[end])  # type: ignore[assignment]
    vocabulary = ReducedVocabulary(model=model, full_table=full, rows=rows, index=index, end=end)
    if vocabulary.is_on_cpu:
        advise_pageout(full.weight.data_ptr(), full.weight.nbytes)
    return vocabulary


def _end(tower: nn.Module) -> int | None:
    """The end-of-text id that a tower such as CLIP's searches for; None if it does not search for one.

    CLIP configurations with the legacy value 2 use the highest id instead, which a reduced table preserves.
    """
    end = getattr(tower, "eos_token_id", None)
    return end if isinstance(end, int) and end != 2 else None
