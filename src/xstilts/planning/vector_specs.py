"""Stages of tasks that nothing is trained for: the choice of a layer, retrieval, mining. No torch here."""

from dataclasses import dataclass
from typing import ClassVar

from xstilts.planning.stage import Data, SplitRead, Stage, canonical_digest


@dataclass(frozen=True, kw_only=True)
class ChooseLayerStage(Stage):
    """The layer and pooling whose vectors retrieve best; `parent` is the untrained encoder where all arms follow it.

    A `pooling` of None sweeps all. `centred` says whether the mean vector of the other half is subtracted.
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
    """A task that nothing is trained for, by the vectors of one layer and pooling."""

    parent: str
    data: Data
    split: str
    layer: int | None
    chosen_by: str | None
    """Key of the stage that chose layer and pooling, where none is given."""
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
    """Translations found by nearest vector, both directions, in one language."""

    kind: ClassVar[str] = "retrieve"
    centre_split: str | None
    """Split whose mean vector is subtracted; never the one that is evaluated. None: none is subtracted."""
    leave_out: bool | None
    """Whether the choice is made on all languages of that stage but the one that is scored."""

    def reads(self) -> tuple[SplitRead, ...]:
        scored = SplitRead(data=self.data, split=self.split, role="score")
        if self.centre_split is None:
            return (scored,)
        return scored, SplitRead(data=self.data, split=self.centre_split, role="calibrate")


@dataclass(frozen=True, kw_only=True)
class MineStage(_VectorStage):
    """Translations picked out of a collection in one language and an English one."""

    kind: ClassVar[str] = "mine"
    dev_split: str
    """Split whose gold pairs decide from which margin on a pair is kept; never the one that is evaluated."""

    def reads(self) -> tuple[SplitRead, ...]:
        return (
            SplitRead(data=self.data, split=self.split, role="score"),
            SplitRead(data=self.data, split=self.dev_split, role="calibrate"),
        )
