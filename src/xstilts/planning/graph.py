"""A recipe's stages and scores, and the chain of an arm."""

from collections.abc import Mapping
from dataclasses import dataclass

from xstilts.config.recipe import Target
from xstilts.planning.specs import Spec
from xstilts.planning.stage import Cell
from xstilts.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The stages of a recipe by key, each after its inputs, and the scores that the recipe asks for."""

    stages: Mapping[str, Spec]
    cells: tuple[Cell, ...]
    skipped: tuple[str, ...] = ()
    """What the recipe asks for and its tasks do not have, in sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A target after an intermediate arm with a seed."""

    target: Target
    task: Task
    intermediate: str
    seed: int
