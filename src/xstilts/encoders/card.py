"""Encoder cards: metadata of an encoder that is available before the encoder is loaded."""

from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from xstilts.cache.sources import Wheel

Kind = Literal["text", "vision", "dual", "fused"]
"""The inputs of an encoder: text, images, both in separate towers (dual), or images fed into a text encoder (fused)."""

FEATURE_SUFFIXES = (".npy", ".safetensors")
"""Suffixes of files with precomputed image features, which replace a vision encoder."""

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class TrainedOn:
    """A data set that an encoder was trained on."""

    data: str
    how: Literal["as raw text", "in contrastive pre-training", "in supervised fine-tuning"]
    source: str
    """The reference for this claim."""
    same_data: tuple[str, ...] = ()
    """Tasks built from this data set (any split) or from translations of it."""
    related_tasks: tuple[str, ...] = ()
    """Tasks that test the same skill on other data."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class EncoderCard:
    """Metadata of an encoder; None where a fact is unknown."""

    name: str
    source: tuple[Wheel, ...] | str
    """Wheels, `hub:owner/name`, `file:folder`, or `file:path` of precomputed features; of a fused encoder, the source
    of its text half."""
    kind: Kind | None = "text"
    """None for a Hub id or a folder without a card."""
    text: "EncoderCard | None" = None
    vision: "EncoderCard | None" = None
    """The halves of a fused encoder."""
    revision: str | None = None
    """Version, commit or branch; None means the Hub's main branch."""
    layers: int | None = None
    hidden: int | None = None
    parameters: int | None = None
    """Without pooler and head."""
    embedding_parameters: int | None = None
    """Parameters of the token embeddings."""
    forward_flops: tuple[int, int] | None = None
    """(a, b): a forward pass over n sub-words, without pooler and head, takes a * n + b * n**2 floating-point
    operations. Counted by `bench/studies/flops.py`."""
    trained_on: tuple[TrainedOn, ...] | None = None
    """None if unknown; overlaps with tasks are then reported as unchecked."""
    languages: str | None = None
    licence: str | None = None
    citation: str | None = None
    url: str | None = None
    channels: int | None = None
    """Size of an image feature."""
    query_prefix: str = ""
    """The prefix that every text had in training."""
    pooling: Literal["mean", "first", "last"] = "mean"
    """The pooling that the authors use for sentence vectors; the mean if the encoder was not trained for them."""
    notes: tuple[str, ...] = ()

    @property
    def halves(self) -> "tuple[EncoderCard, ...]":
        """The cards of the text and the vision encoder if this is a fused encoder, otherwise the card itself."""
        return (self.text, self.vision) if self.text and self.vision else (self,)

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        if self.text and self.vision:
            return (*self.text.wheels, *self.vision.wheels)
        return self.source if isinstance(self.source, tuple) else ()

    @property
    def uri(self) -> str:
        if self.text and self.vision:
            return f"{self.text.uri}+{self.vision.uri}"
        return self.source if isinstance(self.source, str) else " ".join(wheel.uri for wheel in self.source)
