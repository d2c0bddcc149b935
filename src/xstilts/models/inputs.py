"""What a model is fed: token ids, or the activations at the boundary above which it trains.

Layers that keep their weights give the same activations in every pass, so they are run once.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.data.batches import scoring_batches
from xstilts.data.tokenised import feature_lengths
from xstilts.models.collate import Batch, PaddingStyle, collate, mask, pictures, targets
from xstilts.models.speed.activation_cache import FrozenLayers, digest
from xstilts.models.speed.activations import Activations, fits, room
from xstilts.models.speed.vocabulary import Vocabulary
from xstilts.models.split import run_between, run_lower, truncate
from xstilts.problems import PROBLEMS, ProblemName
from xstilts.problems.features import Feature

ImageLookup = Callable[[Sequence[str]], Tensor]
"""From names of images to their features [images, tokens, channels]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInputs:
    """Features of one task and language, ready to be batched for one model.

    `lower` is the model whose first `boundary` layers are run, where the model that trains begins above them; then
    `activations` holds their output, unless it is too much.
    """

    problem: ProblemName
    features: Sequence[Feature]
    pad_id: int
    device: str = "cpu"
    vocabulary: Vocabulary | None = None
    lower: PreTrainedModel | None = None
    boundary: int = 0
    precision: str = "bf16"
    disk: int = 0
    """Bytes of a file that activations may take where they are too much for memory."""
    activations: Activations | None = None
    padding_style: PaddingStyle | None = None
    """How texts are filled up, for a model that reads their padding."""
    image_lookup: ImageLookup | None = None
    """Features [images, tokens, channels] of the images of these names, where the examples show any."""

    @property
    def lengths(self) -> list[int]:
        least = self.padding_style.tokens if self.padding_style else 0
        return [max(length, least) for length in feature_lengths(self.features)]

    @property
    def loss_is_mean(self) -> bool:
        """Whether a batch can be trained in parts: where its examples are not compared with each other."""
        return not PROBLEMS[self.problem].contrastive

    def batch(self, indices: Sequence[int], *, labels: bool) -> Batch:
        """The arguments of the model's forward pass for these features."""
        features = [self.features[index] for index in indices]
        if self.activations is not None:
            batch = self._joined([self.activations[index] for index in indices], features)
            batch |= targets(self.problem, features) if labels else {}
        else:
            batch = collate(self.problem, features, self.pad_id, labels=labels, padding_style=self.padding_style)
            if self.vocabulary is not None:
                batch["input_ids"] = self.vocabulary.translate(batch["input_ids"])
            if self.lower is not None:
                batch["inputs_embeds"] = self._activate(batch)
                batch = {name: value for name, value in batch.items() if name not in ("input_ids", "token_type_ids")}
        if self.image_lookup is not None:
            batch |= pictures(features, self.image_lookup)
        return {name: tensor.to(self.device) for name, tensor in batch.items()}

    def subset(self, indices: Sequence[int]) -> "ModelInputs":
        """The same feed over some of the features; activations are shared, not copied."""
        kept = None if self.activations is None else self.activations.subset(indices)
        return replace(self, features=[self.features[index] for index in indices], activations=kept)

    def cached(self, frozen_prefix: FrozenLayers | None = None) -> "ModelInputs":
        """The feed with its activations, where they may be kept; from the ground's shelf where that reaches up."""
        assert self.lower is not None
        size = sum(self.lengths) * self.lower.config.hidden_size * self._dtype.itemsize
        if not fits(size, self.disk):
            return self
        if frozen_prefix is None:
            return replace(self, activations=self._run(self._activate))
        shared = replace(self, boundary=min(frozen_prefix.layers, self.boundary))
        key = (frozen_prefix.origin, shared.boundary, self.precision, torch.get_num_threads(), digest(self.features))
        frozen_prefix.activation_cache.evict_for(key, size, self.disk)
        activations = frozen_prefix.activation_cache.get(key, lambda: shared._run(shared._activate))
        return replace(shared, activations=activations).advanced_to(self.boundary)

    def advanced_to(self, boundary: int) -> "ModelInputs":
        """The same feed, its activations taken on to a higher boundary."""
        if boundary == self.boundary or self.activations is None:
            return replace(self, boundary=boundary)
        assert self.lower is not None
        between = truncate(self.lower, self.boundary)
        count = boundary - self.boundary
        return replace(
            self, boundary=boundary, activations=self._run(lambda batch: self._run_layers(between, count, batch))
        )

    def _run(self, run: Callable[[Batch], Tensor]) -> Activations:
        """What `run` gives for every feature, without its padding."""
        assert self.lower is not None
        shapes = [(len(feature.ids), max(map(len, feature.ids))) for feature in self.features]
        activations = room(shapes, self.lower.config.hidden_size, self._dtype)
        for indices in scoring_batches(self.lengths):
            hidden = run(self.batch(indices, labels=False) if self.activations is not None else self._ids(indices))
            hidden = (hidden.unsqueeze(1) if hidden.dim() == 3 else hidden).cpu()
            for row, index in enumerate(indices):
                choices, length = shapes[index]
                activations.put(index, hidden[row, :choices, :length])
        return activations

    def _ids(self, indices: Sequence[int]) -> Batch:
        return collate(self.problem, [self.features[index] for index in indices], self.pad_id, labels=False)

    def _run_layers(self, between: PreTrainedModel, count: int, batch: Batch) -> Tensor:
        with self._eval_no_grad(between):
            return self._kept(run_between(between, count, batch["inputs_embeds"], batch["attention_mask"]))

    def _activate(self, batch: Batch) -> Tensor:
        assert self.lower is not None
        inputs = {name: value.to(self.device) for name, value in batch.items() if name in _INPUTS}
        with self._eval_no_grad(self.lower):
            return self._kept(run_lower(self.lower, self.boundary, **inputs))

    @contextmanager
    def _eval_no_grad(self, model: PreTrainedModel) -> Iterator[None]:
        """Without dropout and gradients, whatever the model is doing otherwise."""
        training = model.training
        model.eval()
        with torch.no_grad(), autocast(self.device, self.precision):
            yield
        model.train(training)

    def _kept(self, hidden: Tensor) -> Tensor:
        return hidden.to(self._dtype)

    @property
    def _dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    def _joined(self, activations: Sequence[Tensor], features: Sequence[Feature]) -> Batch:
        choices, length = max(a.shape[0] for a in activations), max(a.shape[1] for a in activations)
        shape = (len(activations), choices, length, activations[0].shape[-1])
        joined = torch.zeros(shape, dtype=activations[0].dtype)
        for row, activation in enumerate(activations):
            joined[row, : activation.shape[0], : activation.shape[1]] = activation
        batch = {"inputs_embeds": joined, "attention_mask": mask(features)}
        return (
            batch
            if PROBLEMS[self.problem].head == "choice"
            else {name: tensor.squeeze(1) for name, tensor in batch.items()}
        )


_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def padding_style_of(model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> PaddingStyle | None:
    """How the model's texts are filled up; None where padding is masked."""
    tokens = getattr(model, "fill", 0)
    return PaddingStyle(tokens=tokens, left=tokenizer.padding_side == "left") if tokens else None


def autocast(device: str, precision: str) -> AbstractContextManager:
    """Matrix products in bf16 with fp32 weights, or nothing."""
    return torch.autocast(device.partition(":")[0], dtype=torch.bfloat16) if precision == "bf16" else nullcontext()
