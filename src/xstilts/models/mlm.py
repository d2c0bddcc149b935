"""Masked-language modelling: the encoder with its head, dynamic masking, and perplexity."""

from collections.abc import Sequence
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
from xstilts.models.heads import init_head, read_config, read_model
from xstilts.models.inputs import autocast
from xstilts.models.split import backbone, family
from xstilts.problems.features import IGNORE_INDEX, Feature

BLOCK = 256
"""Masked sub-words per block; the logits of one block are in memory at once."""
MASK_TOKEN_RATE, RANDOM_TOKEN_RATE = 0.8, 0.1


class MaskedLanguageModel(nn.Module):
    """An encoder with its masked-language-modelling head, for the training loop.

    Logits are computed for the masked positions only. The decoder's weight is tied to the word embeddings.
    `pretrained_head` is false if the checkpoint has no head, so that it was newly initialised.
    """

    def __init__(self, model: PreTrainedModel, *, pretrained_head: bool) -> None:
        super().__init__()
        self.model = model
        self.pretrained_head = pretrained_head

    @property
    def base_model(self) -> PreTrainedModel:
        return backbone(self.model)

    def forward(self, labels: Tensor, **inputs: Tensor) -> MaskedLMOutput:
        """The mean cross-entropy over the positions of `labels` ([batch, tokens]) that are not IGNORE_INDEX."""
        hidden, targets = self.masked_states(labels, **inputs)
        if len(targets) <= BLOCK:
            total = self._loss_sum(hidden, targets)
        else:
            blocks = zip(hidden.split(BLOCK), targets.split(BLOCK), strict=True)
            total = torch.stack([self._checkpointed_loss_sum(*block) for block in blocks]).sum()
        return MaskedLMOutput(loss=cast(torch.FloatTensor, total / len(targets)))

    def masked_states(self, labels: Tensor, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's output at the masked positions, [masked, hidden], and their labels, [masked]."""
        is_masked = labels != IGNORE_INDEX
        return self.base_model(**inputs).last_hidden_state[is_masked], labels[is_masked]

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

    def tie_embeddings(self) -> None:
        """Tie the decoder's weight to the word embeddings again, after the encoder has been replaced.

        Does nothing if the architecture does not tie them.
        """
        decoder = self.model.get_output_embeddings()
        if decoder is not None and self.model.config.tie_word_embeddings and not _takes_embeddings(self.model):
            decoder.weight = cast(nn.Embedding, self.base_model.get_input_embeddings()).weight

    def _checkpointed_loss_sum(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """The loss of a block; the backward pass recomputes the logits."""
        if not torch.is_grad_enabled():
            return self._loss_sum(hidden, targets)
        return cast(Tensor, checkpoint(self._loss_sum, hidden, targets, use_reentrant=False))

    def _loss_sum(self, hidden: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self.logits(hidden).float(), targets, reduction="sum")


def load_masked(folder: Path, seed: int) -> MaskedLanguageModel:
    """The encoder in `folder` with its masked-language-modelling head, or with a new one if the folder has none.

    A new head depends only on `seed`. Raises UserError for an architecture without such a head, DataError if the
    folder lacks tensors of the encoder.
    """
    config = read_config(folder)
    row = BY_MODEL_TYPE.get(config.model_type)
    if row is None or not row.masked_lm_head or not has_head(AutoModelForMaskedLM, config):
        supported = (name for name, row in BY_MODEL_TYPE.items() if row.masked_lm_head)
        raise UserError(
            f"masked-language modelling does not support {config.model_type} encoders",
            f"use one of {', '.join(supported)}, or remove `mlm` from the recipe",
        )
    if row.masked_lm_head_on_embeddings is not None:
        config.legacy = not _has_tensor(folder, f"{row.masked_lm_head_on_embeddings}.")
    model, fresh = read_model(AutoModelForMaskedLM, folder, config)
    if fresh:
        init_head(model, seed)
    masked = MaskedLanguageModel(model, pretrained_head=not fresh)
    masked.tie_embeddings()
    return masked


def _has_tensor(folder: Path, prefix: str) -> bool:
    """Whether the folder has a tensor whose name starts with `prefix`."""
    for path in folder.glob("model*.safetensors"):
        with safe_open(path, framework="pt") as file:
            if any(name.startswith(prefix) for name in file.keys()):  # noqa: SIM118
                return True
    return False


def _takes_embeddings(model: PreTrainedModel) -> bool:
    """Whether the head takes the word embeddings as an argument instead of having a decoder."""
    name = family(model).masked_lm_head_on_embeddings
    return name is not None and hasattr(model, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Masker:
    """Masks a `share` of a text's sub-words. `random_ids` are the ids that replace sub-words at random."""

    mask_id: int
    special_ids: frozenset[int]
    random_ids: np.ndarray
    share: float

    @classmethod
    def from_tokenizer(cls, tokenizer: PreTrainedTokenizerBase, rows: int, share: float) -> "Masker":
        """`rows` is the size of the embedding table. Raises DataError for a tokenizer without a mask token."""
        if tokenizer.mask_token_id is None:
            raise DataError("the encoder's tokenizer has no mask token", "remove `mlm` from the recipe")
        special = frozenset(tokenizer.all_special_ids)
        regular = np.array([row for row in range(min(len(tokenizer), rows)) if row not in special])
        return cls(mask_id=cast(int, tokenizer.mask_token_id), special_ids=special, random_ids=regular, share=share)

    def __call__(self, ids: Sequence[int], rng: np.random.Generator) -> tuple[list[int], list[int]]:
        """The masked ids and the labels: the original id at masked positions, IGNORE_INDEX elsewhere.

        At least one sub-word is masked; the share is rounded stochastically. 80% of the masked sub-words become the
        mask token, 10% a random one, 10% stay (Devlin et al. 2019, arXiv 1810.04805, section 3.1).
        """
        candidates = [position for position, token in enumerate(ids) if token not in self.special_ids]
        count = min(len(candidates), max(1, int(self.share * len(candidates) + rng.random())))
        masked, labels = list(ids), [IGNORE_INDEX] * len(ids)
        for position in rng.choice(candidates, size=count, replace=False).tolist() if candidates else ():
            labels[position] = ids[position]
            masked[position] = self._replacement(ids[position], rng)
        return masked, labels

    def _replacement(self, token: int, rng: np.random.Generator) -> int:
        sample = rng.random()
        if sample < MASK_TOKEN_RATE:
            return self.mask_id
        return int(rng.choice(self.random_ids)) if sample < MASK_TOKEN_RATE + RANDOM_TOKEN_RATE else token


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedInputs:
    """Tokenised texts with dynamic masking; the masks depend on `rng` and the order of the batches."""

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
        """`input_ids`, `attention_mask`, `labels` and optionally `token_type_ids`, all [batch, tokens]."""
        features = []
        for index in indices:
            feature = self.features[index]
            masked_ids, targets = self.masker(feature.ids[0], self.rng)
            features.append(Feature(example=index, ids=(masked_ids,), types=feature.types, target=targets))
        batch = collate("tagging", features, self.pad_id, labels=labels)
        return {name: tensor.to(self.device) for name, tensor in batch.items()}


def windows(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[Feature]:
    """Tokenise texts; a text longer than `max_length` becomes several features without overlap."""
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
    for indices in scoring_batches(inputs.lengths):
        batch = inputs.batch(indices)
        with torch.inference_mode(), autocast(inputs.device, precision):
            masked = int((batch["labels"] != IGNORE_INDEX).sum())
            total += float(model(**batch).loss) * masked
            count += masked
    return float(np.exp(total / count))
