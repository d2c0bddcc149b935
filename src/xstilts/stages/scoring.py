"""Predictions and their per-item statistics, as every scored artifact keeps them."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
from transformers import PreTrainedTokenizerBase

from xstilts.data.statistics import text_statistics
from xstilts.metrics import metric
from xstilts.problems import Example
from xstilts.tasks.task import Task

ITEMS = "items.parquet"


def write_scores(folder: Path, frame: pl.DataFrame, task: Task) -> dict[str, Any]:
    """Write the items; the facts are their number and the value of each of the task's metrics, 0 to 1."""
    frame.write_parquet(folder / ITEMS)
    values = {name: metric(name).score(frame) for name in task.scores}
    return {"scores": values, "items": len(frame), "groups": frame["group"].n_unique()}


def text_facts(
    examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, max_length: int, task: Task
) -> dict[str, Any]:
    truncates = not task.spec.splits_long_texts
    return asdict(text_statistics(examples, tokenizer, max_length, truncates=truncates))
