"""A small XTREME with synthetic scores, without a store or a model."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
from tests.facts import facts_for, training
from tests.unit.report.fixture import toy_task

from xstilts.analysis.design import design_of
from xstilts.analysis.transfer import Transfer
from xstilts.cache.sources import HubData
from xstilts.config.recipe import Intermediate, Recipe, Target
from xstilts.planning.expand import Graph, expand
from xstilts.planning.specs import TargetStage
from xstilts.planning.stage import Cell
from xstilts.problems.scores import score_frame
from xstilts.store.store import Store
from xstilts.tasks.suites import XTREME
from xstilts.tasks.task import Task

Effects = Callable[[str, str], float]
"""Gain of an arm on a task over the baseline's score of 0.4."""

ITEMS = 400
SINGLE = {name: Intermediate(tasks=(name,)) for name in XTREME.intermediates}
ARMS = {"none": Intermediate(), **SINGLE, "all": Intermediate(tasks=XTREME.intermediates)}
_HUB = (HubData(repository="toy/toy", revision="main", commit="0"),)


def xtreme_tasks(languages: tuple[str, ...] = ("en", "de", "sw")) -> dict[str, Task]:
    trained = (*XTREME.targets, *XTREME.intermediates)
    tasks = [
        *(toy_task(name, "classification", languages, sources=_HUB, metrics=("accuracy",)) for name in trained),
        *(toy_task(name, "retrieval", languages, sources=_HUB) for name in XTREME.retrieval),
    ]
    return {task.name: task for task in tasks}


def xtreme_recipe(**changes: object) -> Recipe:
    settings: dict[str, object] = {
        "name": "toy-xtreme",
        "encoder": "xlm-roberta-large",
        "intermediate": ARMS,
        "frozen": False,
        "majority": False,
        "targets": {name: Target() for name in XTREME.tasks},
    }
    return Recipe(**(settings | changes))  # type: ignore[arg-type]


def make_transfer(
    effects: Effects,
    recipe: Recipe | None = None,
    *,
    development: Mapping[tuple[str, str, int], float] | None = None,
    missing: Callable[[Cell], bool] = lambda cell: False,
    tasks: Mapping[str, Task] | None = None,
) -> Transfer:
    """`development` are the scores on English development data by task, arm and seed; 0.5 where not given."""
    recipe, tasks = recipe or xtreme_recipe(), tasks or xtreme_tasks()
    graph = expand(recipe, tasks, "toy-pin")
    items = {
        cell.artifact: synthetic_items(cell, tasks[cell.task], effects) for cell in graph.cells if not missing(cell)
    }
    store = cast(Store, SimpleNamespace(manifest=_manifests(graph, development or {}).get, root=Path()))
    designs = [design_of(recipe, graph.cells, tasks[name]) for name in recipe.targets]
    return Transfer(recipe, graph, store, designs, resamples=60, items=items)


def synthetic_items(cell: Cell, task: Task, effects: Effects) -> pl.DataFrame:
    gain = 0.0 if cell.intermediate == "none" else effects(cell.task, cell.intermediate)
    return _frame(task.problem == "retrieval", round(ITEMS * (0.4 + gain)) + (cell.seed or 0) % 2)


@cache
def _frame(retrieval: bool, right: int) -> pl.DataFrame:
    """The first `right` items are right; each item is a group."""
    names = [f"item {number}" for number in range(ITEMS)]
    items = [(name, name) for name in names]
    if retrieval:
        nearest = [[name if n < right else names[n - 1]] * 2 for n, name in enumerate(names)]
        return score_frame("retrieval", items, names, nearest)
    return score_frame("classification", items, ["yes"] * ITEMS, ["yes" if n < right else "no" for n in range(ITEMS)])


def _manifests(graph: Graph, development: Mapping[tuple[str, str, int], float]) -> dict[str, Any]:
    """Manifests of the target stages, with their development curves."""
    manifests = {}
    for cell in graph.cells:
        (parent, *_) = graph.stages[cell.artifact].inputs
        if isinstance(stage := graph.stages[parent], TargetStage):
            score = development.get((cell.task, cell.intermediate, stage.seed), 0.5)
            trained = training(curve=((1, score / 2), (2, score)), step_kept=2)
            manifests[parent] = SimpleNamespace(facts=facts_for(stage, training=trained))
    return manifests
