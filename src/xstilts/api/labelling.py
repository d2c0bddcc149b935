"""Which rows of a pool to label next. Imports torch only to choose them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.cache.wheels import cache_dir
from xstilts.fitting.inputs import Source, read_input

if TYPE_CHECKING:
    from xstilts.fitting.model import FittedModel

ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsToLabel:
    """Rows to label, those that help most first. Each has the columns of the pool, `predicted`, `probability`,
    `reason`, and an empty `label_column`."""

    rows: Sequence[dict[str, Any]]
    lines: Sequence[int]
    """Of the rows in the pool, from 1."""
    label_column: str
    considered: int
    """Rows of the pool that were chosen from."""
    left_out: Sequence[str]
    """What was left out, with counts."""
    warnings: Sequence[str]


def rows_to_label(
    model: "FittedModel | str | Path",
    pool: Source,
    n: int = ROWS,
    *,
    text: str | None = None,
    device: str = "cpu",
    offline: bool = False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> RowsToLabel:
    """The `n` rows of a pool whose labels would help a model most.

    `model` is a fitted model or its folder, `pool` a path, `hub:owner/name`, a frame or a list of texts or
    dictionaries. `text` names the column of the texts if it is not that of the training rows. Chosen are first texts
    that may be of classes with few rows in the language, then those with the largest product of uncertainty, similarity
    to the pool, and distance to labelled and chosen rows. Rows with a label, and those that are training rows already,
    are left out and counted. `report` is called with the encoded texts and their number.

    Raises DataError for a damaged model folder, a pool that cannot be read, has no column of texts or fewer than `n`
    rows to label; UserError if the pool has a column of the result already.
    """
    from xstilts.fitting.columns import PREDICTED, PROBABILITY, REASON
    from xstilts.fitting.facts import read_facts
    from xstilts.fitting.pool import read_pool

    if isinstance(model, str | Path):
        read_facts(Path(model))
    table = read_input(pool, "pool", cache=cache_dir(), offline=offline)
    from xstilts.api.fit import load_model

    fitted = load_model(model, device=device) if isinstance(model, str | Path) else model
    found = read_pool(table, fitted.facts, fitted.training.texts, n, text=text)
    from xstilts.fitting.label_next import choose_texts

    choices = choose_texts(fitted, found.texts, n, report)
    rows = [
        {
            **{column: row.get(column) for column in table.columns if column != found.label_column},
            PREDICTED: "; ".join(choice.predicted) if isinstance(choice.predicted, list) else choice.predicted,
            PROBABILITY: round(choice.probability, 4),
            REASON: choice.reason,
            found.label_column: "",
        }
        for choice in choices
        for row in [found.rows[choice.number][1]]
    ]
    return RowsToLabel(
        rows=rows,
        lines=[found.rows[choice.number][0] for choice in choices],
        label_column=found.label_column,
        considered=len(found.rows),
        left_out=(*(f"{table.name}: {note.text} ({note.count:,})" for note in table.notes), *found.left_out),
        warnings=found.warnings,
    )
