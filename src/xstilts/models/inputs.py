"""Model inputs: token ids, or cached activations of the frozen lower layers, which are run only once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.data.batches import scoring_batches
from xstilts.data.tokenised import feature_lengths
from xstilts.models.collate import Batch, PaddingStyle, attention_mask, collate, image_batch, target_tensors
from xstilts.models.speed.activation_cache import FrozenLayers, digest
from xstilts.models.speed.activations import Activations, allocate, fits
from xstilts.models.speed.vocabulary import ReducedVocabulary
from xstilts.models.split import run_between, run_lower, truncate
from xstilts.platform.progress import track_batches
from xstilts.problems import PROBLEMS, ProblemName
from xstilts.problems.features import Feature

ImageLookup = Callable[[Sequence[str]], Tensor]
"""Maps image references to their features [images, tokens, channels]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInputs:
    """Features of one task and language as a batch source for one model.

    If the model starts above `boundary` frozen layers, `lower` is the model with these layers. `activations` is their
    cached output, or None if it does not fit.
    """

    problem: ProblemName
    features: Sequence[Feature]
    pad_id: int
    device: str = "cpu"
    vocabulary: ReducedVocabulary | None = None
    lower: PreTrainedModel | None = None
    boundary: int = 0
    precision: str = "bf16"
    disk: int = 0
    """Maximum size in bytes of an activation file, used if the activations do not fit in memory."""
    activations: Activations | None = None
    padding_style: PaddingStyle | None = None
    """For a model that attends to padding."""
    image_lookup: ImageLookup | None = None
    """For examples with images."""

    @property
    def lengths(self) -> list[int]:
        min_length = self.padding_style.tokens if self.padding_style else 0
        return [max(length, min_length) for length in feature_lengths(self.features)]

    @property
    def loss_is_mean(self) -> bool:
        """Whether a batch can be split into micro-batches; a contrastive loss compares all examples of a batch."""
        return not PROBLEMS[self.problem].is_contrastive

    def batch(self, indices: Sequence[int], *, labels: bool) -> Batch:
        """The arguments of the model's forward pass for these features."""
        features = [self.features[index] for index in indices]
        if self.activations is not None:
            batch = self._pad_activations([self.activations[index] for index in indices], features)
            batch |= target_tensors(self.problem, features) if labels else {}
        else:
            batch = collate(self.problem, features, self.pad_id, labels=labels, padding_style=self.padding_style)
            if self.vocabulary is not None:
                batch["input_ids"] = self.vocabulary.translate(batch["input_ids"])
            if self.lower is not None:
                batch["inputs_embeds"] = self._run_lower(batch)
                batch = {name: value for name, value in batch.items() if name not in ("input_ids", "token_type_ids")}
        if self.image_lookup is not None:
            batch |= image_batch(features, self.image_lookup)
        return {name: tensor.to(self.device) for name, tensor in batch.items()}

    def subset(self, indices: Sequence[int]) -> "ModelInputs":
        """The same inputs for some of the features; activations are shared, not copied."""
        activations = None if self.activations is None else self.activations.subset(indices)
        return replace(self, features=[self.features[index] for index in indices], activations=activations)

    def cached(self, frozen_prefix: FrozenLayers | None = None) -> "ModelInputs":
        """The same inputs with cached activations if they fit; activations of `frozen_prefix` come from its cache."""
        assert self.lower is not None
        size = sum(self.lengths) * self.lower.config.hidden_size * self._dtype.itemsize
        if not fits(size, self.disk):
            return self
        if frozen_prefix is None:
            return replace(self, activations=self._compute(self._run_lower))
        shared = replace(self, boundary=min(frozen_prefix.layers, self.boundary))
        key = (frozen_prefix.origin, shared.boundary, self.precision, torch.get_num_threads(), digest(self.features))
        frozen_prefix.activation_cache.evict_for(key, size, self.disk)
        activations = frozen_prefix.activation_cache.get(key, lambda: shared._compute(shared._run_lower))
        return replace(shared, activations=activations).advanced_to(self.boundary)

    def advanced_to(self, boundary: int) -> "ModelInputs":
        """The same inputs with activations at a higher boundary, computed from the present ones."""
        if boundary == self.boundary or self.activations is None:
            return replace(self, boundary=boundary)
        assert self.lower is not None
        upper, count = truncate(self.lower, self.boundary), boundary - self.boundary

        def run(batch: Batch) -> Tensor:
            with self._eval_no_grad(upper):
                return run_between(upper, count, batch["inputs_embeds"], batch["attention_mask"]).to(self._dtype)

        return replace(self, boundary=boundary, activations=self._compute(run))

    def _compute(self, run: Callable[[Batch], Tensor]) -> Activations:
        """The output of `run` for every feature, without padding."""
        assert self.lower is not None
        shapes = [(len(feature.ids), max(map(len, feature.ids))) for feature in self.features]
        activations = allocate(shapes, self.lower.config.hidden_size, self._dtype)
        for indices in track_batches("frozen layers", scoring_batches(self.lengths), len(self.features)):
            if self.activations is not None:
                batch = self.batch(indices, labels=False)
            else:
                batch = collate(self.problem, [self.features[index] for index in indices], self.pad_id, labels=False)
            hidden = run(batch)
            hidden = (hidden.unsqueeze(1) if hidden.dim() == 3 else hidden).cpu()
            for row, index in enumerate(indices):
                choices, length = shapes[index]
                activations.put(index, hidden[row, :choices, :length])
        return activations

    def _run_lower(self, batch: Batch) -> Tensor:
        assert self.lower is not None
        names = ("input_ids", "attention_mask", "token_type_ids")
        inputs = {name: batch[name].to(self.device) for name in names if name in batch}
        with self._eval_no_grad(self.lower):
            return run_lower(self.lower, self.boundary, **inputs).to(self._dtype)

    @contextmanager
    def _eval_no_grad(self, model: PreTrainedModel) -> Iterator[None]:
        """Evaluation mode without gradients; restores the model's mode at the end."""
        training = model.training
        model.eval()
        with torch.no_grad(), autocast(self.device, self.precision):
            yield
        model.train(training)

    @property
    def _dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    def _pad_activations(self, activations: Sequence[Tensor], features: Sequence[Feature]) -> Batch:
        choices, length = max(a.shape[0] for a in activations), max(a.shape[1] for a in activations)
        shape = (len(activations), choices, length, activations[0].shape[-1])
        padded = torch.zeros(shape, dtype=activations[0].dtype)
        for row, activation in enumerate(activations):
            padded[row, : activation.shape[0], : activation.shape[1]] = activation
        batch = {"inputs_embeds": padded, "attention_mask": attention_mask(features)}
        if PROBLEMS[self.problem].head == "choice":
            return batch
        return {name: tensor.squeeze(1) for name, tensor in batch.items()}


def required_padding(model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> PaddingStyle | None:
    """The padding style of a model that attends to padding; None if it masks padding."""
    tokens = getattr(model, "padded_length", 0)
    return PaddingStyle(tokens=tokens, left=tokenizer.padding_side == "left") if tokens else None


def autocast(device: str, precision: str) -> AbstractContextManager:
    """Autocast to bf16 with fp32 weights if `precision` is "bf16", otherwise a null context."""
    return torch.autocast(device.partition(":")[0], dtype=torch.bfloat16) if precision == "bf16" else nullcontext()
