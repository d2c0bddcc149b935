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

from xstilts.models.families import BY_MODEL_TYPE
from xstilts.models.split import text_tower
from xstilts.platform.hardware import advise_pageout, advise_populate, release_free_memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The small table in `model`; `rows` are the full table's row numbers, ascending, `full` that table."""

    model: PreTrainedModel
    full: nn.Embedding
    rows: Tensor
    index: Tensor
    end: int | None = None
    """The id by which the model finds the end of a text, in the full table, where it looks for one."""

    def translate(self, ids: Tensor) -> Tensor:
        """Ids of the full vocabulary to rows of the small table."""
        return self.index[ids]

    def expand(self, decay: float) -> None:
        """Put the full table back: trained rows from the small one, all others times `decay`, in place."""
        release_free_memory()
        tower = text_tower(self.model)
        small = cast(nn.Embedding, tower.get_input_embeddings())
        if self.here:
            advise_populate(self.full.weight.data_ptr(), self.full.weight.nbytes)
        with torch.no_grad():
            self.full.weight.mul_(decay)
            self.full.weight[self.rows] = small.weight.to(self.full.weight.device)
        tower.set_input_embeddings(self.full)
        if self.end is not None:
            tower.eos_token_id = self.end  # type: ignore[assignment]

    @property
    def here(self) -> bool:
        """Whether the full table is one piece of the processor's memory."""
        return self.full.weight.is_cpu and self.full.weight.is_contiguous()


def compact(model: PreTrainedModel, ids: Iterable[int]) -> Vocabulary:
    """Replace the model's word embeddings by those of `ids`; the full table leaves memory until it is expanded.

    The padding token's row is always kept, and where positions are counted from its id, all rows below it too, so
    that the id stays the same.
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
    vocabulary = Vocabulary(model=model, full=full, rows=rows, index=index, end=end)
    if vocabulary.here:
        advise_pageout(full.weight.data_ptr(), full.weight.nbytes)
    return vocabulary


def _end(tower: nn.Module) -> int | None:
    """The id by which a tower finds the end of a text, as CLIP's does; None where it looks for none.

    A CLIP that states 2, whatever its tokenizer's end is, takes the highest id, which stays the highest.
    """
    end = getattr(tower, "eos_token_id", None)
    return end if isinstance(end, int) and end != 2 else None
