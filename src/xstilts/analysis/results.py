"""Typed rows from the store: scores, predictions, and scored items for the statistics. No torch."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import polars as pl

from xstilts.config.recipe import FIXED_SHOTS, FROZEN, MAJORITY, Arm
from xstilts.errors import UserError
from xstilts.methods import METHODS
from xstilts.planning.stage import Cell
from xstilts.store.facts import EvaluateFacts, ScoredFacts, TrainedFacts
from xstilts.store.files import ITEMS_FILE
from xstilts.store.store import Manifest, Store

ZERO_SHOT = "zero-shot"

Items = Mapping[str, pl.DataFrame]
"""The scored items of each artifact in the store, by key."""

ArmItems = Mapping[str, Mapping[tuple[int, int | None], pl.DataFrame]]
"""The scored items of an arm, by language and then by (seed, draw)."""


def scored_zero_shot(method: str) -> bool:
    """Whether a method has scores without shots, besides those of the trained model: a closed-form head does, and the
    trivial baseline."""
    return method in (FROZEN, MAJORITY) or (method in METHODS and METHODS[method].fits_english)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ArmName:
    """The name of an arm. Unlike in `config.Arm`, `method` may also be a control."""

    intermediate: str
    method: str = ZERO_SHOT
    shots: int = 0

    @classmethod
    def of(cls, arm: "Arm | Cell | ArmName") -> "ArmName":
        """The name of the arm that a recipe names or that a cell belongs to."""
        if isinstance(arm, Arm):
            method, shots = (ZERO_SHOT, 0) if arm.shots == 0 and not scored_zero_shot(arm.method) else arm.named
            return cls(intermediate=arm.intermediate, method=method, shots=shots)
        return cls(intermediate=arm.intermediate, method=arm.method, shots=arm.shots)

    @property
    def uses_fixed_shots(self) -> bool:
        """Whether its shots are a fixed set from the benchmark instead of draws."""
        return self.method.startswith(FIXED_SHOTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The score (0 to 1) of one cell by one metric. Columns after `groups` are None if a stage does not record them."""

    recipe: str
    artifact: str
    encoder: str
    task: str
    language: str
    split: str
    intermediate: str
    method: str
    shots: int
    draw: int | None
    seed: int | None
    metric: str
    value: float
    items: int
    groups: int
    weights_changed: bool | None
    step_kept: int | None
    steps: int | None
    selection: str | None
    """`none`, `english_dev`, or `oracle` if the checkpoint was selected on target-language development data."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One item of one artifact. `gold` and `predicted` are texts as they are, and anything else as JSON."""

    artifact: str
    task: str
    language: str
    item: str
    group: str
    gold: str
    predicted: str


def _schema(row: type[Score | Prediction]) -> dict[str, Any]:
    hints = get_type_hints(row)
    return {name: _COLUMN[(get_args(hint) or (hint,))[0]] for name, hint in hints.items()}


_COLUMN = {str: pl.String, int: pl.Int64, float: pl.Float64, bool: pl.Boolean}
SCORE_SCHEMA = _schema(Score)
PREDICTION_SCHEMA = _schema(Prediction)


def load_items(cells: Iterable[Cell], store: Store) -> Items:
    """The items of every cell whose artifact is in the store; each file is read once."""
    keys = dict.fromkeys(cell.artifact for cell in cells)
    return {key: pl.read_parquet(store.path(key) / ITEMS_FILE) for key in keys if store.manifest(key) is not None}


def scores(cells: Iterable[Cell], store: Store, recipe_name: str) -> pl.DataFrame:
    """One row per cell and metric, with the columns of `Score`; cells without an artifact are skipped."""
    cells = tuple(cells)
    manifests = {key: store.manifest(key) for key in dict.fromkeys(cell.artifact for cell in cells)}
    rows = [
        asdict(row)
        for cell in cells
        if (manifest := manifests[cell.artifact]) is not None
        for row in _score_rows(cell, manifest, recipe_name)
    ]
    return pl.DataFrame(rows, schema=SCORE_SCHEMA, orient="row")


def arm_items(
    cells: Iterable[Cell], store: Store, task: str, arm: Arm | ArmName, items: Items | None = None
) -> ArmItems:
    """The items of an arm on a task, without languages and (seed, draw) pairs that have no artifact.

    The cells of an encoder without fine-tuning and of the trivial baseline have no seed; their items are repeated for
    every seed of other cells.
    For a fixed few-shot set the draw is None, so it is paired with every draw of another arm.
    """
    cells, name = tuple(cells), ArmName.of(arm)
    arm_cells = tuple(cell for cell in cells if cell.task == task and ArmName.of(cell) == name)
    items = load_items(arm_cells, store) if items is None else items
    seeds = sorted({cell.seed for cell in cells if cell.seed is not None}) or [0]
    frames: dict[str, dict[tuple[int, int | None], pl.DataFrame]] = defaultdict(dict)
    for cell in arm_cells:
        if cell.artifact in items:
            draw = None if name.uses_fixed_shots else cell.draw
            for seed in seeds if cell.seed is None else [cell.seed]:
                frames[cell.language][seed, draw] = items[cell.artifact]
    return dict(frames)


def predictions(cells: Iterable[Cell], store: Store) -> pl.LazyFrame:
    """The items of all artifacts in the store, each artifact once, with the columns of `Prediction`."""
    cell_by_artifact = {cell.artifact: cell for cell in cells if store.manifest(cell.artifact) is not None}
    frames = [
        pl.scan_parquet(store.path(key) / ITEMS_FILE)
        .with_columns(artifact=pl.lit(key), task=pl.lit(cell.task), language=pl.lit(cell.language))
        .with_columns(pl.col("gold", "predicted").map_elements(_without_quotes, return_dtype=pl.String))
        .select(*PREDICTION_SCHEMA)
        for key, cell in cell_by_artifact.items()
    ]
    return pl.concat(frames) if frames else pl.LazyFrame(schema=PREDICTION_SCHEMA)


def _without_quotes(value: str) -> str:
    return json.loads(value) if value.startswith('"') else value


def write_parquet(frame: pl.DataFrame | pl.LazyFrame, path: Path) -> None:
    """Write a frame; a lazy frame is streamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(frame, pl.LazyFrame):
        frame.sink_parquet(path)
    else:
        frame.write_parquet(path)


_FILE_READERS = re.compile(r"read_(csv|ipc|json|ndjson|parquet|avro|delta|excel|database|lines)", re.IGNORECASE)
"""Functions of polars' SQL that read files."""


def query(frames: Mapping[str, pl.DataFrame | pl.LazyFrame], sql: str) -> pl.DataFrame:
    """Run a SQL query over named tables. Raises UserError if the query is invalid or reads a file."""
    if match := _FILE_READERS.search(sql):
        raise UserError(f"the SQL query calls {match[0]}", f"it can only read the tables {', '.join(frames)}")
    try:
        return pl.SQLContext(frames=frames).execute(sql, eager=True)
    except pl.exceptions.PolarsError as error:
        columns = {name: ", ".join(frame.collect_schema().names()) for name, frame in frames.items()}
        tables = "; ".join(f"{name} ({names})" for name, names in columns.items())
        raise UserError(f"the SQL query failed: {str(error).splitlines()[0]}", f"available tables: {tables}") from error


def selection_of(manifest: Manifest) -> str | None:
    """How a few-shot stage selected its checkpoint: none, english_dev or oracle; None for other stages."""
    selection = manifest.spec.get("selection")
    return "oracle" if selection == "target_dev" else selection


def _score_rows(cell: Cell, manifest: Manifest, recipe: str) -> list[Score]:
    facts = manifest.facts
    assert isinstance(facts, ScoredFacts), f"{manifest.title} has no scores"
    training = facts.training if isinstance(facts, TrainedFacts) else None
    step_kept = facts.step_kept if isinstance(facts, EvaluateFacts) else training and training.step_kept
    return [
        Score(
            recipe=recipe,
            **asdict(cell),
            metric=name,
            value=value,
            items=facts.scores.items,
            groups=facts.scores.groups,
            weights_changed=training.weights_changed if training else None,
            step_kept=step_kept,
            steps=training.steps if training else None,
            selection=selection_of(manifest),
            seconds=manifest.seconds,
        )
        for name, value in facts.scores.by_metric.items()
    ]
