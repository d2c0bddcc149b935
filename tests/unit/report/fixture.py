"""A synthetic experiment with random scores."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from tests.facts import NO_IMAGES, facts_for, training

from xstilts.cache.sources import Library
from xstilts.config.recipe import FROZEN, Arm, Fewshot, Intermediate, Primary, Recipe, Target
from xstilts.metrics import metric
from xstilts.planning.expand import Graph, expand
from xstilts.planning.specs import ChooseLayerStage, Spec, TargetStage
from xstilts.planning.stage import Cell
from xstilts.problems import Example, ProblemName
from xstilts.problems.scores import score_frame
from xstilts.store.facts import ImageControls, ItemScore, ModelScoredFacts, ScoreFacts, TextFacts, TextsOfShots
from xstilts.store.store import Draft, Store
from xstilts.tasks.task import Task

LANGUAGES = ("en", "de", "fi", "ru", "ar", "th", "zh", "eu", "ml", "hi", "ko", "el", "vi")
CLASSES = tuple(f"class {number}" for number in range(12))
LAYERS = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    recipe: Recipe
    graph: Graph
    store: Store
    tasks: Mapping[str, Task]


UNUSABLE = NO_IMAGES


def toy_task(name: str, problem: ProblemName, languages: tuple[str, ...] = LANGUAGES, **changes: object) -> Task:
    settings: dict[str, object] = {
        "name": name,
        "problem": problem,
        "suite": ("toy",),
        "languages": languages,
        "sources": (Library(package=name, version="0"),),
        "read": lambda paths, language: {},
        "fractions": None,
        "licence": "none",
        "citation": "synthetic",
        "url": "",
        "weaknesses": ("Made by a random generator: it says nothing about any language.",),
    }
    return Task(**(settings | changes))  # type: ignore[arg-type]


def toy_recipe(**changes: object) -> Recipe:
    """{none, toy-qa} x {zero-shot, 4 shots} in twelve languages, and retrieval."""
    settings: dict[str, object] = {
        "name": "synthetic",
        "description": "Random numbers in the shape of an experiment, to test the page.",
        "seeds": (0, 1, 2),
        "development_languages": ("el", "vi"),
        "intermediate": {"none": Intermediate(), "toy-qa": Intermediate(tasks=("toy-qa",))},
        "targets": {"toy-intent": Target(), "toy-bitext": Target(languages=LANGUAGES[1:7])},
        "fewshot": Fewshot(shots=(4,), draws=3),
        "frozen": False,
        "majority": False,
        "primary": Primary(
            task="toy-intent",
            treatment=Arm(intermediate="toy-qa", shots=4),
            baseline=Arm(intermediate="none", shots=4),
        ),
    }
    return Recipe(**(settings | changes))  # type: ignore[arg-type]


def toy_tasks(**changes: object) -> dict[str, Task]:
    tasks = (
        toy_task("toy-intent", "classification", **changes),
        toy_task("toy-bitext", "retrieval"),
        toy_task("toy-qa", "choice"),
    )
    return {task.name: task for task in tasks}


def make_experiment(
    root: Path,
    recipe: Recipe | None = None,
    tasks: Mapping[str, Task] | None = None,
    without: int = 0,
    examples: Callable[[Cell], Sequence[Example]] = lambda cell: (),
) -> Experiment:
    """An experiment in a new store; the artifacts of the last `without` cells are left out.

    `examples` are those that a cell scores, of tasks with images.
    """
    recipe, tasks = recipe or toy_recipe(), tasks or toy_tasks()
    graph, store = expand(recipe, tasks, "toy-pin"), Store(root)
    cells = {cell.artifact: cell for cell in graph.cells}
    left_out = {cell.artifact for cell in graph.cells[len(graph.cells) - without :]}
    for key, stage in graph.stages.items():
        if key not in left_out:
            with store.draft(stage) as draft:
                cell = cells.get(key)
                _fill(draft, stage, cell, tasks, examples(cell) if cell else ())
    return Experiment(recipe=recipe, graph=graph, store=store, tasks=tasks)


def _fill(draft: Draft, stage: Spec, cell: Cell | None, tasks: Mapping[str, Task], examples: Sequence[Example]) -> None:
    draft.seconds = 1.0 + int(stage.key[:4], 16) / 4096
    if isinstance(stage, ChooseLayerStage):
        rows = [
            {
                "language": data.language,
                "layer": layer,
                "pooling": pooling,
                "value": 0.3 + 0.5 * (layer / LAYERS) ** 0.5,
            }
            for data in stage.data
            for layer in range(LAYERS)
            for pooling in ("mean", "first")
        ]
        pl.DataFrame(rows).write_parquet(draft.path / "layers.parquet")
        draft.facts = facts_for(stage, layer=LAYERS - 1)
    elif isinstance(stage, TargetStage):
        trained = training(curve=((20, 0.4), (40, 0.5 + int(stage.key[4:8], 16) / 2**18)))
        draft.facts = facts_for(stage, training=trained)
    else:
        draft.facts = facts_for(stage)
    if cell is None:
        return
    task = tasks[cell.task]
    frame = pictured_items(cell, task.problem, examples) if examples else toy_items(cell, task.problem)
    frame.write_parquet(draft.path / "items.parquet")
    values = {name: metric(name).score(frame) for name in task.spec.metrics}
    texts = TextFacts(
        unknown_rate=0.001 * (len(cell.language) + ord(cell.language[0]) % 7),
        tokens_per_word=1.2 + ord(cell.language[1]) % 5 / 5,
        truncated_rate=0.0,
    )
    scores = ScoreFacts(by_metric=values, items=frame.height, groups=frame["group"].n_unique())
    changes: dict[str, Any] = {"scores": scores}
    if isinstance(facts_for(stage), ModelScoredFacts):
        changes["texts"] = texts
    if not task.spec.is_trained:
        changes["layer"] = LAYERS - 1
    if examples:
        changes |= _pictured_facts(frame, task, cell)
    draft.facts = facts_for(stage, **changes)


def toy_items(cell: Cell, problem: ProblemName, count: int = 120) -> pl.DataFrame:
    """Items whose difficulty is shared by all arms; arms, seeds and draws shift the chance to be right."""
    gold = _random(cell.task, cell.language, "gold").integers(len(CLASSES), size=count)
    right, noise = _right(cell, count)
    wrong = (gold + noise.integers(1, len(CLASSES), size=count)) % len(CLASSES)
    guess = np.where(right, gold, wrong)
    items = [(f"item {number}", f"group {number // 4}") for number in range(count)]
    if problem == "retrieval":
        ids = [item for item, _ in items]
        nearest = [[ids[n] if hit else ids[n - 1]] * 2 for n, hit in enumerate(right)]
        return score_frame(problem, items, ids, nearest)
    if problem == "mining":
        partners = [[f"english {n}"] if n % 3 else [] for n in range(count)]
        return score_frame(problem, items, partners, [f"english {n}" if hit else "" for n, hit in enumerate(right)])
    if problem == "tagging":
        return score_frame(problem, items, [[f"B-{i}"] for i in gold], [[f"B-{i}"] for i in guess])
    return score_frame(problem, items, [CLASSES[i] for i in gold], [CLASSES[i] for i in guess])


def pictured_items(cell: Cell, problem: ProblemName, examples: Sequence[Example]) -> pl.DataFrame:
    """The same for examples with images."""
    right, noise = _right(cell, len(examples))
    items = [(example.id, example.group) for example in examples]
    if problem == "image-retrieval":
        ranks = [1 if hit else int(noise.integers(2, len(examples) + 1)) for hit in right]
        return score_frame(problem, items, [e.shown_images[0] for e in examples], [(rank, rank) for rank in ranks])
    gold = [getattr(example, "label", "") for example in examples]
    labels = sorted(set(gold))
    wrong = [label if hit else labels[labels.index(label) - 1] for label, hit in zip(gold, right, strict=True)]
    return score_frame(problem, items, gold, wrong)


def _right(cell: Cell, count: int) -> tuple[np.ndarray, np.random.Generator]:
    """Which items are right, and a random generator for wrong answers."""
    language = _random(cell.task, cell.language)
    difficulty = language.normal(0, 1, count) + language.normal(0, 0.7)
    ability = 0.1 + 0.5 * (cell.intermediate != "none") + 0.35 * min(cell.shots, 8) ** 0.5
    ability += 0.8 * (cell.language == "en") - 0.25 * (cell.intermediate != "none") * (cell.shots > 0)
    ability += 1.5 * (cell.method == FROZEN)
    ability += _random(cell.task, cell.intermediate, cell.seed).normal(0, 0.15)
    ability += _random(cell.task, cell.language, cell.shots, cell.draw).normal(0, 0.1)
    noise = _random(*cell.artifact)
    return noise.random(count) < 1 / (1 + np.exp(difficulty - ability)), noise


def _pictured_facts(frame: pl.DataFrame, task: Task, cell: Cell) -> dict[str, Any]:
    """The facts that stages record for tasks with images."""
    score = metric(task.metric).score
    seen, unseen = (ItemScore(items=len(rows), score=score(rows)) for rows in (frame.head(10), frame.tail(-10)))
    facts = {"controls": ImageControls(shuffled_images=0.9 * seen.score, label_prior=0.5), "unusable": UNUSABLE}
    return facts | ({"texts_of_shots": TextsOfShots(seen=seen, unseen=unseen)} if cell.shots else {})


def _random(*names: object) -> np.random.Generator:
    digest = hashlib.sha256("\0".join(map(str, names)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
