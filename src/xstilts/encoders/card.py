"""What is known of an encoder before anything is loaded; validated, since cards come from files."""

from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from xstilts.cache.sources import Wheel

Kind = Literal["text", "vision", "dual", "fused"]
"""What an encoder reads: texts, images, both apart, or both together."""

GIVEN = (".npy", ".safetensors")
"""Suffixes of files that may hold features of images, in place of an encoder that makes them."""

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class TrainedOn:
    """Data that an encoder has seen."""

    data: str
    how: Literal["as raw text", "in contrastive pre-training", "in supervised fine-tuning"]
    source: str
    """Where this is said."""
    same_data: tuple[str, ...] = ()
    """Tasks that come from this data set, whichever split, or from translations of it."""
    related_tasks: tuple[str, ...] = ()
    """Tasks of other data that ask for the same skill."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class EncoderCard:
    """What is known of an encoder before anything is loaded."""

    name: str
    source: tuple[Wheel, ...] | str
    """Wheels, `hub:owner/name`, `file:folder`, or `file:path` of given features; the text half's of two."""
    kind: Kind | None = "text"
    """None where it is unknown: a Hub id or a folder without a card."""
    text: "EncoderCard | None" = None
    vision: "EncoderCard | None" = None
    """The halves of a fused encoder."""
    revision: str | None = None
    """Version, commit or branch; None is the Hub's main branch."""
    layers: int | None = None
    hidden: int | None = None
    parameters: int | None = None
    """Without pooler and head."""
    embedding_parameters: int | None = None
    """Those of the token embeddings."""
    forward_flops: tuple[int, int] | None = None
    """Floating-point operations of a forward pass over n sub-words, without pooler and head: first * n + second * n**2.
    Counted by `bench/studies/flops.py`."""
    trained_on: tuple[TrainedOn, ...] | None = None
    """None where it is unknown, so that overlaps are unchecked rather than absent."""
    languages: str | None = None
    licence: str | None = None
    citation: str | None = None
    url: str | None = None
    channels: int | None = None
    """Of the features of an image."""
    query_prefix: str = ""
    """The prefix that the encoder was trained with before every text."""
    pooling: Literal["mean", "first", "last"] = "mean"
    """How its authors make one vector of the states of tokens: their mean, the first or the last of them; the mean
    where it was not made for that."""
    notes: tuple[str, ...] = ()

    @property
    def halves(self) -> "tuple[EncoderCard, ...]":
        """The text half and the vision half of a fused encoder, else the card itself."""
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
