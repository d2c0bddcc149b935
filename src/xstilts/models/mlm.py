"""Masked-language modelling: an encoder under the head of its checkpoint, and texts whose masks change every time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import AutoModelForMaskedLM, PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import MaskedLMOutput

from xstilts.data.batches import scoring_batches
from xstilts.errors import DataError, UserError
from xstilts.models.collate import Batch, collate
from xstilts.models.compat import has_head
from xstilts.models.families import BY_MODEL_TYPE
from xstilts.models.heads import draw_head, read_config, read_model
from xstilts.models.inputs import autocast
from xstilts.models.split import backbone, family
from xstilts.problems.features import IGNORE_INDEX, Feature

BLOCK = 256
"""Masked sub-words whose logits are in memory at once: each is as long as the vocabulary."""
SHOWN_AS_MASK, SHOWN_AS_RANDOM = 0.8, 0.1


class MaskedLanguageModel(nn.Module):
    """An encoder with its masked-language-modelling head, as a training loop calls it.

    Only the masked positions get logits, each over the whole vocabulary; the decoder's weight is the table of word
    embeddings. `published` tells whether the head was in the checkpoint or had to be drawn.
    """

    def __init__(self, model: PreTrainedModel, *, published: bool) -> None:
        super().__init__()
        self.model = model
        self.published = published

    @property
    def base_model(self) -> PreTrainedModel:
        return backbone(self.model)

    def forward(self, labels: Tensor, **inputs: Tensor) -> MaskedLMOutput:
        """The mean cross-entropy over the positions of `labels` ([batch, tokens]) that are not IGNORE_INDEX."""
        hidden, wanted = self.hidden(labels, **inputs)
        if len(wanted) <= BLOCK:
            total = self._sum(hidden, wanted)
        else:
            blocks = zip(hidden.split(BLOCK), wanted.split(BLOCK), strict=True)
            total = torch.stack([self._total(*block) for block in blocks]).sum()
        return MaskedLMOutput(loss=cast(torch.FloatTensor, total / len(wanted)))

    def hidden(self, labels: Tensor, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's output at the masked positions, [masked, hidden], and their labels, [masked]."""
        there = labels != IGNORE_INDEX
        return self.base_model(**inputs).last_hidden_state[there], labels[there]

    def logits(self, hidden: Tensor) -> Tensor:
        """[masked, hidden] to [masked, vocabulary]."""
        row = family(self.model)
        if _takes_embeddings(self.model):
            return getattr(self.model, str(row.masked_lm_head_on_embeddings))(
                hidden, self.base_model.get_input_embeddings()
            )
        for name in row.masked_lm_head:
            hidden = getattr(self.model, name)(hidden)
        return hidden

    def tie(self) -> None:
        """Make the encoder's word embeddings the decoder's weight again, after the encoder was exchanged.

        Nothing to do for an architecture whose decoder has a weight of its own.
        """
        decoder = self.model.get_output_embeddings()
        if decoder is not None and self.model.config.tie_word_embeddings and not _takes_embeddings(self.model):
            decoder.weight = cast(nn.Embedding, self.base_model.get_input_embeddings()).weight

    def _total(self, hidden: Tensor, wanted: Tensor) -> Tensor:
        """The sum over a block, whose logits are computed again for the gradient rather than kept."""
        if not torch.is_grad_enabled():
            return self._sum(hidden, wanted)
        return cast(Tensor, checkpoint(self._sum, hidden, wanted, use_reentrant=False))

    def _sum(self, hidden: Tensor, wanted: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self.logits(hidden).float(), wanted, reduction="sum")


def load_masked(folder: Path, seed: int) -> MaskedLanguageModel:
    """The encoder in `folder` under the masked-language-modelling head that lies there, else under one that is drawn.

    A drawn head depends on `seed` alone. Raises UserError for an architecture without such a head, DataError where
    the folder does not hold the whole encoder.
    """
    config = read_config(folder)
    row = BY_MODEL_TYPE.get(config.model_type)
    if row is None or not row.masked_lm_head or not has_head(AutoModelForMaskedLM, config):
        known = (name for name, row in BY_MODEL_TYPE.items() if row.masked_lm_head)
        raise UserError(
            f"{config.model_type} encoders have no masked-language-modelling head here",
            f"use an encoder of {', '.join(known)}, or take `mlm` out of the recipe",
        )
    if row.masked_lm_head_on_embeddings is not None:
        config.legacy = not _has_tensor(folder, f"{row.masked_lm_head_on_embeddings}.")
    model, fresh = read_model(AutoModelForMaskedLM, folder, config)
    if fresh:
        draw_head(model, seed)
    masked = MaskedLanguageModel(model, published=not fresh)
    masked.tie()
    return masked


def _has_tensor(folder: Path, prefix: str) -> bool:
    """Whether the folder has a tensor whose name begins with `prefix`."""
    for path in folder.glob("model*.safetensors"):
        with safe_open(path, framework="pt") as file:
            if any(name.startswith(prefix) for name in file.keys()):  # noqa: SIM118
                return True
    return False


def _takes_embeddings(model: PreTrainedModel) -> bool:
    """Whether the head has no decoder of its own, but is given the word embeddings at every call."""
    name = family(model).masked_lm_head_on_embeddings
    return name is not None and hasattr(model, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Masker:
    """What a mask is made of: the tokenizer's special ids, and the rows that a random sub-word is drawn from."""

    mask: int
    special: frozenset[int]
    ordinary: np.ndarray
    share: float

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, rows: int, share: float) -> "Masker":
        """`rows` are those of the embedding table. Raises DataError for a tokenizer without a mask token."""
        if tokenizer.mask_token_id is None:
            raise DataError("the encoder's tokenizer has no mask token", "take `mlm` out of the recipe")
        special = frozenset(tokenizer.all_special_ids)
        ordinary = np.array([row for row in range(min(len(tokenizer), rows)) if row not in special])
        return cls(mask=cast(int, tokenizer.mask_token_id), special=special, ordinary=ordinary, share=share)

    def __call__(self, ids: Sequence[int], rng: np.random.Generator) -> tuple[list[int], list[int]]:
        """Ids with some of them masked, and the labels: the hidden id where one is masked, IGNORE_INDEX elsewhere.

        Of the sub-words that are not special the share is masked, rounded at random, and one at least (80% the mask
        token, 10% random, 10% as they are; Devlin et al. 2019, arXiv 1810.04805, section 3.1).
        """
        places = [place for place, token in enumerate(ids) if token not in self.special]
        count = min(len(places), max(1, int(self.share * len(places) + rng.random())))
        shown, labels = list(ids), [IGNORE_INDEX] * len(ids)
        for place in rng.choice(places, size=count, replace=False).tolist() if places else ():
            labels[place] = ids[place]
            shown[place] = self._shown(ids[place], rng)
        return shown, labels

    def _shown(self, token: int, rng: np.random.Generator) -> int:
        kind = rng.random()
        if kind < SHOWN_AS_MASK:
            return self.mask
        return int(rng.choice(self.ordinary)) if kind < SHOWN_AS_MASK + SHOWN_AS_RANDOM else token


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedInputs:
    """Texts as sub-words, masked anew for every batch; the masks follow from `rng` and the order of the batches."""

    features: Sequence[Feature]
    masker: Masker
    pad_id: int
    rng: np.random.Generator
    device: str = "cpu"

    @property
    def lengths(self) -> list[int]:
        return [feature.length for feature in self.features]

    @property
    def loss_is_mean(self) -> bool:
        return True

    def batch(self, indices: Sequence[int], *, labels: bool = True) -> Batch:
        """`input_ids`, `attention_mask`, perhaps `token_type_ids`, and `labels`, all [batch, tokens]."""
        masked = []
        for index in indices:
            feature = self.features[index]
            shown, hidden = self.masker(feature.ids[0], self.rng)
            masked.append(Feature(example=index, ids=(shown,), types=feature.types, target=hidden))
        batch = collate("tagging", masked, self.pad_id, labels=labels)
        return {name: tensor.to(self.device) for name, tensor in batch.items()}


def windows(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[Feature]:
    """Sub-words of the texts; a longer text becomes several features, none of it is lost."""
    if not texts:
        return []
    encoded = tokenizer(list(texts), truncation=True, max_length=max_length, return_overflowing_tokens=True)
    types = cast(list[list[int]] | None, encoded.get("token_type_ids"))
    ids = cast(list[list[int]], encoded["input_ids"])
    rows = cast(list[int], encoded["overflow_to_sample_mapping"])
    special = set(tokenizer.all_special_ids)
    return [
        Feature(example=row, ids=(ids[number],), types=(types[number],) if types else None)
        for number, row in enumerate(rows)
        if not special.issuperset(ids[number])
    ]


def perplexity(model: MaskedLanguageModel, inputs: MaskedInputs, precision: str) -> float:
    """exp of the mean cross-entropy over the masked sub-words of all texts."""
    total, count = 0.0, 0
    model.eval()
    for batch in _batches(inputs):
        with torch.inference_mode(), autocast(inputs.device, precision):
            masked = int((batch["labels"] != IGNORE_INDEX).sum())
            total += float(model(**batch).loss) * masked
            count += masked
    return float(np.exp(total / count))


def _batches(inputs: MaskedInputs) -> Iterator[Batch]:
    return (inputs.batch(indices) for indices in scoring_batches(inputs.lengths))
