"""Files and facts that every scored artifact has: per-item statistics, scores, and statistics of its texts."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
from transformers import PreTrainedTokenizerBase

from xstilts.data.statistics import text_statistics
from xstilts.metrics import metric
from xstilts.problems import Example
from xstilts.store.facts import ScoreFacts, TextFacts
from xstilts.tasks.task import Task

ITEMS = "items.parquet"


def write_scores(folder: Path, frame: pl.DataFrame, task: Task) -> ScoreFacts:
    """Write the items, and return their number and the value of each of the task's metrics."""
    frame.write_parquet(folder / ITEMS)
    values = {name: metric(name).score(frame) for name in task.scores}
    return ScoreFacts(by_metric=values, items=len(frame), groups=frame["group"].n_unique())


def text_facts(
    examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, max_length: int, task: Task
) -> TextFacts:
    rates = text_statistics(examples, tokenizer, max_length, truncates=not task.spec.splits_long_texts)
    return TextFacts(
        unknown_rate=rates.unknown_rate, tokens_per_word=rates.tokens_per_word, truncated_rate=rates.truncated_rate
    )
