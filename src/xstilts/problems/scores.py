"""Scored items from predictions: statistics that add up over items, so that any subset can be scored."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from xstilts.errors import DataError
from xstilts.problems import PROBLEMS, ProblemName
from xstilts.problems.base import NormaliserName, ScoringRules, Statistics


def item_statistics(
    problem: ProblemName,
    gold: Sequence[Any],
    predicted: Sequence[Any],
    *,
    normaliser: NormaliserName = "squad",
    language: str = "en",
    rows: float | None = None,
) -> Statistics:
    """Statistics by name, one number per item; gold and predicted are described in `statistics` of the problem.

    `normaliser` and `language` determine how answers are compared. `rows` is the number of published rows per labelled
    item, if some rows have no label. Raises UserError for a language that MLQA's normaliser does not support.
    """
    rules = ScoringRules(normaliser=normaliser, language=language, rows_per_item=rows)
    return PROBLEMS[problem].statistics(list(zip(gold, predicted, strict=True)), rules)


def score_frame(
    problem: ProblemName,
    items: Sequence[tuple[str, str]],
    gold: Sequence[Any],
    predicted: Sequence[Any],
    *,
    normaliser: NormaliserName = "squad",
    language: str = "en",
    rows: float | None = None,
) -> pl.DataFrame:
    """Columns item, group, gold and predicted (JSON texts), then the statistics; `items` are (id, group).

    Raises DataError if an id occurs twice, because items are paired across arms by id.
    """
    statistics = item_statistics(problem, gold, predicted, normaliser=normaliser, language=language, rows=rows)
    ids = [item for item, _ in items]
    if repeated := [item for item, count in Counter(ids).items() if count > 1]:
        raise DataError(f"item {repeated[0]!r} occurs more than once", "ids must be unique within a task and language")
    texts = {
        "item": ids,
        "group": [group for _, group in items],
        "gold": [json.dumps(value, ensure_ascii=False) for value in gold],
        "predicted": [json.dumps(value, ensure_ascii=False) for value in predicted],
    }
    schema = dict.fromkeys(texts, pl.String) | dict.fromkeys(statistics, pl.Float64)
    return pl.DataFrame(texts | statistics, schema=schema)
