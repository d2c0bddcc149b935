"""Predictions in the format of XTREME's evaluation: predictions/<task>/test-<language>.tsv or .json.

The format is that of mock_test_data in google-research/xtreme (Hu et al. 2020, arXiv 2003.11080).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from xstilts.analysis.results import ArmName
from xstilts.data.load import load
from xstilts.errors import UserError
from xstilts.experiment import Experiment
from xstilts.planning.stage import Cell
from xstilts.problems import Parallel
from xstilts.store.files import ITEMS_FILE
from xstilts.tasks import load_task
from xstilts.tasks.bucc2018 import official_id
from xstilts.tasks.suites import XTREME

Rows = Sequence[tuple[str, Any]]
"""Item and prediction, in the order of the benchmark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The written files, and what an official submission would additionally need."""

    files: tuple[Path, ...]
    shortcomings: tuple[str, ...]


def write_submission(experiment: Experiment, arm: ArmName, seed: int, folder: Path) -> Submission:
    """Write the predictions of an arm and seed for every XTREME target of the recipe to a new or empty `folder`.

    Raises UserError if the folder is not empty, the recipe has no XTREME target with that arm, or a score is missing.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty", "name a new folder")
    cells = [cell for cell in experiment.graph.cells if _matches(cell, arm, seed)]
    if not cells:
        raise UserError(
            f"the recipe has no XTREME target with the arm {arm.intermediate!r} and seed {seed}",
            f"XTREME's tasks are {', '.join(XTREME.tasks)}",
        )
    if missing := sum(experiment.store.manifest(cell.artifact) is None for cell in cells):
        raise UserError(f"{missing} of {len(cells)} scores are missing", "run the recipe first")
    files = tuple(_write(experiment, cell, folder) for cell in cells)
    return Submission(files=files, shortcomings=tuple(_shortcomings(experiment, cells)))


def _matches(cell: Cell, arm: ArmName, seed: int) -> bool:
    same_run = cell.draw in (None, 0) and cell.seed in (None, seed)
    return same_run and cell.task in XTREME.tasks and ArmName.of(cell) == arm


def _write(experiment: Experiment, cell: Cell, folder: Path) -> Path:
    frame = pl.read_parquet(experiment.store.path(cell.artifact) / ITEMS_FILE)
    rows = [(item, json.loads(predicted)) for item, predicted in frame.select("item", "predicted").iter_rows()]
    problem = load_task(cell.task).problem
    suffix = "json" if problem == "span" else "tsv"
    path = folder / cell.task / f"test-{cell.language}.{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if problem == "retrieval":
        text = _nearest(rows, _english(experiment, cell, {item for item, _ in rows}))
    else:
        text = _WRITERS[problem](rows)
    path.write_text(text, encoding="utf-8")
    return path


def _english(experiment: Experiment, cell: Cell, items: set[str]) -> list[str]:
    """The English sentences of the scored items, in the order of the benchmark."""
    task, environment = experiment.loaded.tasks[cell.task], experiment.environment
    examples = load(task, cell.language, cell.split, cache=environment.cache, offline=environment.offline)
    return [e.english for e in examples if isinstance(e, Parallel) and e.id in items]


def _nearest(rows: Rows, english: Sequence[str]) -> str:
    """For each line of the sorted English file, the line of the nearest foreign sentence, from 0. XTREME sorts the
    English file, so that line numbers do not reveal the translations."""
    position = {item: number for number, (item, _) in enumerate(rows)}
    order = sorted(range(len(rows)), key=lambda number: english[number].strip())
    return _lines(str(position[rows[number][1][1]]) for number in order)


def _tags(rows: Rows) -> str:
    return "\n".join(_lines(tags) for _, tags in rows)


def _labels(rows: Rows) -> str:
    return _lines(label for _, label in rows)


def _answers(rows: Rows) -> str:
    return json.dumps(dict(rows), ensure_ascii=False, indent=1) + "\n"


def _pairs(rows: Rows) -> str:
    return _lines(f"{official_id(item)}\t{official_id(partner)}" for item, partner in rows if partner)


_WRITERS: Mapping[str, Callable[[Rows], str]] = {
    "classification": _labels,
    "tagging": _tags,
    "span": _answers,
    "mining": _pairs,
}


def _lines(texts: Any) -> str:
    return "".join(f"{text}\n" for text in texts)


def _shortcomings(experiment: Experiment, cells: Sequence[Cell]) -> Iterator[str]:
    recipe, written = experiment.recipe, {(cell.task, cell.language) for cell in cells}
    for name in XTREME.tasks:
        if name not in {task for task, _ in written}:
            yield f"{name}: not in the recipe"
            continue
        if missing := [language for language in load_task(name).languages if (name, language) not in written]:
            yield f"{name}: no predictions in {', '.join(missing)}"
        if name in recipe.partition:
            yield f"{name}: custom splits instead of the official ones"
        if recipe.targets[name].max_items is not None:
            yield f"{name}: at most {recipe.targets[name].max_items} items per language"
        if recipe.targets[name].split != "test":
            yield f"{name}: predictions for the split {recipe.targets[name].split!r} instead of test"
