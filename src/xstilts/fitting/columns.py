"""Finds out which problem and which columns the rows of a user have. Does not import torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xstilts.errors import DataError, did_you_mean
from xstilts.fitting.inputs import Input
from xstilts.problems.cells import parse_list

TEXT = (
    "text",
    "sentence",
    "headline",
    "title",
    "content",
    "body",
    "tweet",
    "utterance",
    "document",
    "review",
    "comment",
)
LABEL = ("label", "labels", "category", "class", "target", "intent", "sentiment", "topic", "y")
PAIRS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("question1", "question2"),
    ("text", "pair"),
)
"""Names of columns by which they are recognised, whatever their case; the first one that a table has."""
CHOSEN = PREDICTED, PROBABILITY, REASON = ("predicted", "probability", "reason")
"""Columns that rows get which `label` chose, besides the label column."""
SUPPORTED = ("classification", "multi-label")
_UNSUPPORTED = {
    "tagging": (("tokens", "words"), ("tags", "ner_tags", "pos_tags", "upos")),
    "span": (("context",), ("question",)),
    "choice": (("choices", "options", "choice1"), ("answer", "label", "answerkey")),
    "image-text": (("image", "images", "image_path"), LABEL),
}
MOST_WORDS = 8
"""A column with longer values on average is not one of labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The problem, and the column of each field of an example. `guessed` are the fields that nobody named."""

    problem: str
    columns: Mapping[str, str]
    guessed: tuple[str, ...]


def find_columns(table: Input, given: Mapping[str, str | None], problem: str | None) -> Columns:
    """The columns `text`, `pair` (if there is one), `label` and `group` (if named) of the training table.

    `given` are the names that the user gave. Raises DataError if a column is missing, if none or several could be
    meant, or if the problem is not supported.
    """
    columns = {field: name for field, name in given.items() if name is not None}
    for field, name in columns.items():
        if name not in table.columns:
            raise missing_column(table, field, name)
    guessed: list[str] = []
    if problem is not None and problem not in SUPPORTED:
        raise _unsupported(problem)
    if problem is None and not columns:
        _refuse_other_problems(table)
    if "text" not in columns:
        pair = _named_pair(table) if "pair" not in columns else None
        columns |= dict(zip(("text", "pair"), pair, strict=True)) if pair else {"text": _text_column(table, columns)}
        guessed += ["text", "pair"] if pair else ["text"]
    if "label" not in columns:
        columns["label"] = _label_column(table, columns)
        guessed.append("label")
    if len(set(columns.values())) < len(columns):
        raise DataError(f"{table.name}: one column is named twice: {_listed(columns)}", "name different columns")
    if problem is None:
        problem = "multi-label" if _has_lists(table, columns["label"]) else "classification"
        guessed.append("problem")
    return Columns(problem=problem, columns=columns, guessed=tuple(guessed))


def missing_column(table: Input, field: str, name: str) -> DataError:
    """The error for a column that a table does not have."""
    close = did_you_mean(name, table.columns)
    return DataError(f"{table.name} has no column {name!r} for the {field}", close)


def _refuse_other_problems(table: Input) -> None:
    names = {column.lower() for column in table.columns}
    for problem, (first, second) in _UNSUPPORTED.items():
        if names & set(first) and names & set(second):
            raise _unsupported(problem, f"{table.name} looks like {problem} data (columns {', '.join(table.columns)})")


def _unsupported(problem: str, message: str = "") -> DataError:
    return DataError(
        message or f"`fit` does not support {problem}",
        f"`fit` takes {' and '.join(SUPPORTED)} of texts and pairs; for {problem} write a recipe "
        "(docs/guides/own-data.md), or name --text and --label",
    )


def _named(table: Input, names: Sequence[str]) -> str | None:
    by_name = {column.lower(): column for column in reversed(table.columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def _named_pair(table: Input) -> tuple[str, str] | None:
    pairs = ((_named(table, [first]), _named(table, [second])) for first, second in PAIRS)
    return next(((first, second) for first, second in pairs if first and second), None)


def _text_column(table: Input, columns: Mapping[str, str]) -> str:
    """The column with a known name, or the one with the most words."""
    if name := _named(table, TEXT):
        return name
    free = [column for column in table.columns if column not in columns.values()]
    words = {column: _mean_words(table.texts(column)) for column in free}
    ranked = sorted(words, key=words.__getitem__, reverse=True)
    if not ranked or words[ranked[0]] < 1.5 or (len(ranked) > 1 and words[ranked[1]] > words[ranked[0]] / 2):
        raise DataError(
            f"{table.name}: which column has the texts? The columns are {', '.join(table.columns)}", "name it: --text"
        )
    return ranked[0]


def _label_column(table: Input, columns: Mapping[str, str]) -> str:
    """The column with a known name, or the only one whose values are few and short."""
    if (name := _named(table, LABEL)) and name not in columns.values():
        return name
    free = [column for column in table.columns if column not in columns.values()]
    found = [column for column in free if _looks_like_labels(table.texts(column))]
    if len(found) != 1:
        raise DataError(
            f"{table.name}: which column has the labels? The columns are {', '.join(table.columns)}",
            "name it: --label",
        )
    return found[0]


def _looks_like_labels(values: Sequence[str]) -> bool:
    distinct = len(set(values))
    return len(values) > 1 and 2 <= distinct <= max(2, len(values) // 2) and _mean_words(values) <= MOST_WORDS


def _mean_words(values: Sequence[str]) -> float:
    return sum(len(value.split()) for value in values) / len(values) if values else 0.0


def _has_lists(table: Input, column: str) -> bool:
    """Whether a cell has more or less than one label, in a list."""
    for _, row in table.rows:
        value = row.get(column)
        items = parse_list(value) if isinstance(value, str) else value
        if isinstance(items, list | tuple) and len(items) != 1:
            return True
    return False


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{field}: {name}" for field, name in columns.items())
