"""Alignment of translations at one layer with an in-batch triplet loss."""

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
    """The lower layers of an encoder, up to `layer`, with a triplet loss; the interface of the training loop."""

    def __init__(self, model: PreTrainedModel, *, layer: int, margin: float) -> None:
        super().__init__()
        self.model = model
        self.layer = layer
        self.margin = margin

    @property
    def base_model(self) -> PreTrainedModel:
        return backbone(self.model)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, groups: Tensor) -> ModelOutput:
        """The loss of a batch: inputs [2 * pairs, tokens], foreign texts before translations, and groups [pairs]."""
        foreign, english = self.vectors(input_ids, attention_mask).chunk(2)
        return ModelOutput(loss=triplet_loss(foreign, english, groups, self.margin))

    def vectors(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Mean-pooled states of the layer, normalised to unit length: [texts, hidden]."""
        if supports_split(self.model):
            hidden = run_lower(self.model, self.layer, input_ids, attention_mask)
        else:
            hidden = hidden_states(self.model, input_ids, attention_mask)[self.layer]
        weights = attention_mask.unsqueeze(-1).float()
        return nn.functional.normalize((hidden.float() * weights).sum(1), dim=-1)


def triplet_loss(foreign: Tensor, english: Tensor, groups: Tensor, margin: float) -> Tensor:
    """Mean of max(0, margin - cos(text, translation) + cos(text, negative)) over both directions and all negatives.

    Inputs are unit vectors [pairs, hidden] and groups [pairs]. Negatives are the texts of the other language in the
    batch, except those of the same group, which have the same meaning. Without negatives the loss is zero. Schroff et
    al. (2015, arXiv 1503.03832, section 3.1), with all in-batch negatives.
    """
    cosines = foreign @ english.T
    positives = cosines.diagonal()
    is_negative = groups.unsqueeze(0) != groups.unsqueeze(1)
    hinges = (margin - positives.unsqueeze(1) + cosines).relu() + (margin - positives.unsqueeze(0) + cosines).relu()
    return (hinges * is_negative).sum() / (2 * is_negative.sum()).clamp(min=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairInputs:
    """Translation pairs as a batch source. `features` alternate: foreign text, English text."""

    features: Sequence[Feature]
    groups: Sequence[int]
    pad_id: int
    device: str = "cpu"

    @property
    def lengths(self) -> list[int]:
        """Sub-words of each pair: both texts, padded to the longer one."""
        pairs = zip(self.features[0::2], self.features[1::2], strict=True)
        return [2 * max(foreign.length, english.length) for foreign, english in pairs]

    @property
    def loss_is_mean(self) -> bool:
        return False

    def batch(self, indices: Sequence[int], *, labels: bool = True) -> Batch:
        """The arguments of `Aligner.forward`."""
        features = [self.features[2 * index + side] for side in (0, 1) for index in indices]
        collated = collate("retrieval", features, self.pad_id, labels=False)
        batch = {name: collated[name] for name in ("input_ids", "attention_mask")}
        batch["groups"] = torch.tensor([self.groups[index] for index in indices])
        return {name: tensor.to(self.device) for name, tensor in batch.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Closeness:
    """How well a layer aligns translations."""

    translations: float
    """Mean cosine of translation pairs."""
    others: float
    """Mean cosine of all other pairs. If it rises together with `translations`, alignment has not improved."""
    accuracy: float
    """Share of texts whose nearest neighbour is their translation, over both directions."""
    pairs: int


def closeness(foreign: Tensor, english: Tensor, groups: Sequence[int]) -> Closeness:
    """Measure vectors [pairs, hidden] without centring. A neighbour of the same group counts as the translation."""
    foreign, english = (nn.functional.normalize(vectors.float(), dim=-1) for vectors in (foreign, english))
    cosines = foreign @ english.T
    group_ids = torch.tensor(groups)
    is_other = group_ids.unsqueeze(0) != group_ids.unsqueeze(1)
    is_correct = [group_ids[cosines.argmax(dim)] == group_ids for dim in (0, 1)]
    return Closeness(
        translations=float(cosines.diagonal().mean()),
        others=float(cosines[is_other].mean()) if is_other.any() else 0.0,
        accuracy=float(cast(Tensor, torch.cat(is_correct)).float().mean()),
        pairs=len(groups),
    )
