"""Specs of stages that compare vectors of an encoder: layer selection, retrieval, mining. No torch here."""

from dataclasses import dataclass
from typing import ClassVar

from xstilts.planning.stage import Data, SplitRead, Stage, canonical_digest


@dataclass(frozen=True, kw_only=True)
class ChooseLayerStage(Stage):
    """Selection of the layer and pooling that retrieve best. `parent` is the pretrained encoder, or the one of an arm.

    `pooling` None tries all poolings. `centred`: subtract the mean vector of a held-out half of the examples.
    """

    kind: ClassVar[str] = "choose-layer"
    parent: str
    data: tuple[Data, ...]
    split: str
    pooling: str | None
    max_length: int
    centred: bool = True

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent,)

    def reads(self) -> tuple[SplitRead, ...]:
        return tuple(SplitRead(data=data, split=self.split, role="select") for data in self.data)

    @property
    def title(self) -> str:
        return f"choose layer on {self.data[0].task}"


@dataclass(frozen=True, kw_only=True)
class _VectorStage(Stage):
    """A task that is scored by the vectors of one layer and pooling, without training."""

    parent: str
    data: Data
    split: str
    layer: int | None
    chosen_by: str | None
    """Key of the stage that selects layer and pooling, if the recipe sets no layer."""
    pooling: str | None
    max_length: int
    precision: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.parent, self.chosen_by) if self.chosen_by else (self.parent,)

    @property
    def group(self) -> str:
        return canonical_digest([self.kind, self.parent])

    @property
    def title(self) -> str:
        return f"{self.kind} {self.data.task} {self.data.language}"


@dataclass(frozen=True, kw_only=True)
class RetrieveStage(_VectorStage):
    """Retrieval of translations by nearest vector, in both directions, for one language."""

    kind: ClassVar[str] = "retrieve"
    centre_split: str | None
    """Split whose mean vector is subtracted, never the scored one; None if nothing is subtracted."""
    leave_out: bool | None
    """Whether the scored language is excluded from the selection of the layer."""

    def reads(self) -> tuple[SplitRead, ...]:
        scored = SplitRead(data=self.data, split=self.split, role="score")
        if self.centre_split is None:
            return (scored,)
        return scored, SplitRead(data=self.data, split=self.centre_split, role="calibrate")


@dataclass(frozen=True, kw_only=True)
class MineStage(_VectorStage):
    """Mining of translation pairs from a foreign and an English collection."""

    kind: ClassVar[str] = "mine"
    dev_split: str
    """Split whose gold pairs set the margin threshold, never the scored one."""

    def reads(self) -> tuple[SplitRead, ...]:
        return (
            SplitRead(data=self.data, split=self.split, role="score"),
            SplitRead(data=self.data, split=self.dev_split, role="calibrate"),
        )
