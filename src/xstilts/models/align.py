"""Alignment of translations in one layer: a triplet loss over the pairs of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils.generic import ModelOutput

from xstilts.models.collate import Batch, collate
from xstilts.models.split import backbone, hidden_states, run_lower, supports_split
from xstilts.problems.features import Feature


class Aligner(nn.Module):
    """An encoder up to `layer`, as a training loop calls it."""

    def __init__(self, model: PreTrainedModel, *, layer: int, margin: float) -> None:
        super().__init__()
        self.model = model
        self.layer = layer
        self.margin = margin

    @property
    def base_model(self) -> PreTrainedModel:
        return backbone(self.model)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, groups: Tensor) -> ModelOutput:
        """The loss of a batch: the foreign texts, then their translations, [2 pairs, tokens]; groups [pairs]."""
        foreign, english = self.vectors(input_ids, attention_mask).chunk(2)
        return ModelOutput(loss=triplet_loss(foreign, english, groups, self.margin))

    def vectors(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Mean over the sub-words, of unit length: [texts, hidden]."""
        if supports_split(self.model):
            hidden = run_lower(self.model, self.layer, input_ids, attention_mask)
        else:
            hidden = hidden_states(self.model, input_ids, attention_mask)[self.layer]
        weights = attention_mask.unsqueeze(-1).float()
        return nn.functional.normalize((hidden.float() * weights).sum(1), dim=-1)


def triplet_loss(foreign: Tensor, english: Tensor, groups: Tensor, margin: float) -> Tensor:
    """Mean of max(0, margin - cos(text, translation) + cos(text, other)) over both directions and all others.

    Vectors are of unit length, [pairs, hidden]. The others are the texts of the batch on the other side; those of the
    same group, which mean the same, are left out. Schroff et al. (2015, arXiv 1503.03832, section 3.1), with all
    negatives of the batch. Zero where there are none.
    """
    cosines = foreign @ english.T
    right = cosines.diagonal()
    others = groups.unsqueeze(0) != groups.unsqueeze(1)
    hinges = (margin - right.unsqueeze(1) + cosines).relu() + (margin - right.unsqueeze(0) + cosines).relu()
    return (hinges * others).sum() / (2 * others.sum()).clamp(min=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairInputs:
    """Pairs of translations, ready to be batched. `features` are a foreign and an English one for each pair."""

    features: Sequence[Feature]
    groups: Sequence[int]
    pad_id: int
    device: str = "cpu"

    @property
    def lengths(self) -> list[int]:
        """Sub-words of both texts of each pair, padding included."""
        pairs = zip(self.features[0::2], self.features[1::2], strict=True)
        return [2 * max(foreign.length, english.length) for foreign, english in pairs]

    @property
    def loss_is_mean(self) -> bool:
        return False

    def batch(self, indices: Sequence[int], *, labels: bool = True) -> Batch:
        """The arguments of `Aligner.forward`."""
        chosen = [self.features[2 * index + side] for side in (0, 1) for index in indices]
        batch = collate("retrieval", chosen, self.pad_id, labels=False)
        found = {name: batch[name] for name in ("input_ids", "attention_mask")}
        found["groups"] = torch.tensor([self.groups[index] for index in indices])
        return {name: tensor.to(self.device) for name, tensor in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Closeness:
    """How close translations are, and what that is worth: means of cosines, and retrieval by the nearest of them."""

    translations: float
    others: float
    """Sentences that are no translations of each other: what rises with `translations` is no alignment."""
    accuracy: float
    """Share of texts whose nearest neighbour is their translation, over both directions."""
    pairs: int


def closeness(foreign: Tensor, english: Tensor, groups: Sequence[int]) -> Closeness:
    """Of vectors [pairs, hidden], not centred. A neighbour of the same group counts as the translation."""
    foreign, english = (nn.functional.normalize(side.float(), dim=-1) for side in (foreign, english))
    cosines = foreign @ english.T
    numbers = torch.tensor(groups)
    others = numbers.unsqueeze(0) != numbers.unsqueeze(1)
    found = [numbers[cosines.argmax(dim)] == numbers for dim in (0, 1)]
    return Closeness(
        translations=float(cosines.diagonal().mean()),
        others=float(cosines[others].mean()) if others.any() else 0.0,
        accuracy=float(cast(Tensor, torch.cat(found)).float().mean()),
        pairs=len(groups),
    )
