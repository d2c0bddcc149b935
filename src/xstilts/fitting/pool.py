"""The rows of a pool that can be labelled, and what is left out of it. Does not import torch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from xstilts.errors import DataError, UserError
from xstilts.fitting.columns import CHOSEN, missing_column
from xstilts.fitting.dataset import OTHER_SCRIPT, PAIR_MARK
from xstilts.fitting.facts import ModelFacts
from xstilts.fitting.inputs import Input
from xstilts.fitting.languages import find_language, share_in_script
from xstilts.formats.content import Row
from xstilts.plurals import plural
from xstilts.problems.cells import text_group

MOST = 20_000
"""Rows that are considered, evenly spaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Rows to choose from with their texts (pairs for models of pairs), in the order of the file."""

    rows: Sequence[tuple[int, Row]]
    texts: Sequence[Any]
    label_column: str
    left_out: Sequence[str] = field(default_factory=tuple)
    warnings: Sequence[str] = field(default_factory=tuple)


def read_pool(table: Input, facts: ModelFacts, labelled: Sequence[str], n: int, *, text: str | None = None) -> Pool:
    """The rows whose text is new. `labelled` are the texts of training rows, `text` is the column of the texts if it
    is not the model's.

    Raises UserError if `n` is not positive or a column of the result exists already, DataError if the text column is
    missing or fewer than `n` rows are left.
    """
    if n < 1:
        raise UserError(f"{n} rows cannot be chosen", "write --n 20")
    columns, label = _columns(table, facts, text), facts.columns.get("label", "label")
    known, left = {text_group(*parts(value, facts)) for value in labelled}, Counter[str]()
    rows: list[tuple[int, Row]] = []
    texts: list[Any] = []
    for line, row in table.rows:
        values = [str(row.get(column) or "").strip() for column in columns]
        group = text_group(*values)
        if not all(values):
            left["without a text"] += 1
        elif str(row.get(label) or "").strip():
            left[f"that have a label (column {label!r})"] += 1
        elif group in known:
            left["that are training rows already or repeat an earlier row"] += 1
        else:
            known.add(group)
            rows.append((line, row))
            texts.append(tuple(values) if facts.reads_pairs else values[0])
    if len(rows) < n:
        counted = "".join(f"; {plural(count, 'row')} left out {reason}" for reason, count in left.items())
        hint = f"write --n {len(rows)}, or give more texts" if rows else "give texts that have no label yet"
        raise DataError(f"{table.name} has {plural(len(rows), 'row')} to label, fewer than {n}{counted}", hint)
    notes = [f"{table.name}: {plural(count, 'row')} left out {reason}" for reason, count in left.items()]
    kept = range(len(rows))
    if len(rows) > MOST:
        kept = [number * len(rows) // MOST for number in range(max(MOST, n))]
        notes.append(f"{table.name}: {MOST:,} of {len(rows):,} rows considered, evenly spaced")
    return Pool(
        rows=[rows[number] for number in kept],
        texts=[texts[number] for number in kept],
        label_column=label,
        left_out=notes,
        warnings=_script_warnings(texts, facts),
    )


def parts(training_text: str, facts: ModelFacts) -> tuple[str, ...]:
    """The texts of a training row, which has pairs as one text."""
    return tuple(part.strip() for part in training_text.split(PAIR_MARK)) if facts.reads_pairs else (training_text,)


def _columns(table: Input, facts: ModelFacts, text: str | None) -> list[str]:
    names = list(facts.text_columns.values())
    if text is not None:
        names[0] = text
    elif table.is_text and not facts.reads_pairs:
        names = ["text"]
    for name, field_name in zip(names, ("text", "pair"), strict=False):
        if name not in table.columns:
            error = missing_column(table, field_name, name)
            hint = f"the columns are {', '.join(table.columns)}: name that of the texts with --text"
            raise DataError(error.message, f"{error.hint}; {hint}" if error.hint else hint)
    if taken := [name for name in CHOSEN if name in table.columns]:
        raise UserError(f"{table.name} already has a column {taken[0]!r}", "rename it or leave it out")
    return names


def _script_warnings(texts: Sequence[Any], facts: ModelFacts) -> tuple[str, ...]:
    language = find_language(facts.language)
    step = max(1, len(texts) // 200)
    sample = [part for value in texts[::step] for part in ([value] if isinstance(value, str) else value)]
    share = share_in_script(sample, language.script)
    if share >= OTHER_SCRIPT:
        return ()
    return (
        f"{1 - share:.0%} of the letters are not in the script of {language.name} ({language.script}): "
        "is this the right pool?",
    )
