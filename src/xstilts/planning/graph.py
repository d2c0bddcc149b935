"""The graph of a recipe, and the chain of stages that one target and arm need."""

from collections.abc import Mapping
from dataclasses import dataclass

from xstilts.config.recipe import Target
from xstilts.planning.specs import Spec
from xstilts.planning.stage import Cell
from xstilts.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The stages of a recipe by key, each after its inputs, and the scores that it asks for."""

    stages: Mapping[str, Spec]
    cells: tuple[Cell, ...]
    skipped: tuple[str, ...] = ()
    """Messages about requests of the recipe that its tasks cannot fulfil."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A target, the intermediate arm before it, and a seed."""

    target: Target
    task: Task
    intermediate: str
    seed: int
