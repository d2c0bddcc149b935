"""Translations of training examples that exist as files, each row paired with the example that it translates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xstilts.data.translation.projection import find
from xstilts.data.translation.translate import Translated, Untranslated, collected
from xstilts.errors import DataError
from xstilts.formats.benchmarks import headerless, questions
from xstilts.formats.tables import Row, read_text, rows
from xstilts.problems import Choice, Example, Labelled, Span
from xstilts.problems.cells import Cells, listed
from xstilts.tasks.task import Task

_HEADERLESS = {
    5: ("original", "original_pair", "text", "pair", "label"),
    3: ("text", "pair", "label"),
}
"""Files of pairs without a header, by their number of cells: XTREME's translate-train (original pair, translated pair,
label; README of google-research/xtreme, section Translations), and the translated pair and its label alone."""

_RENAMED = {"contradictory": "contradiction"}
"""A label's name in translated XNLI (XTREME's third_party/processors/xnli.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A row with its line, by the names of an example's fields."""

    line: int
    row: Row


def read_translations(
    path: Path,
    task: Task,
    columns: Mapping[str, str] | None,
    whole: Sequence[Example],
    wanted: Sequence[Example],
    language: str,
) -> Translated:
    """The translations of `wanted` that `path` holds, with their ids and groups.

    A row belongs to the example whose text stands beside the translation, or that has its id, or else, where there
    are as many rows as examples in `whole` (the training split), to the one in its place. `columns` are those of the
    recipe's own task. An example is dropped without a row, with another label in the row, or if its answer does not
    stand in the row's context. Raises DataError, naming file and line, for rows that cannot be read or paired.
    """
    found = list(_rows(path, task, columns))
    pairs = _paired(path, found, whole)
    labels = {str(example.label) for example in whole if isinstance(example, Labelled)}
    return collected(wanted, lambda example: _translated(path, task, pairs.get(example.id), example, labels, language))


def _rows(path: Path, task: Task, columns: Mapping[str, str] | None) -> Iterator[Found]:
    suffix = path.suffix.lower()
    cells = read_text(path).partition("\n")[0].split("\t") if suffix == ".tsv" else []
    if suffix == ".json":
        return (Found(line=line, row=row) for line, row in questions(path))
    if task.problem == "classification" and len(cells) in _HEADERLESS and not _headed(cells, columns):
        return (Found(line=line, row=row) for line, row in headerless(*_HEADERLESS[len(cells)])(path))
    if columns is None and task.benchmark is not None:
        for native in task.benchmark.native:
            patterns = [*native.english.values(), *native.files.values()]
            flat = [p for pattern in patterns for p in ((pattern,) if isinstance(pattern, str) else pattern)]
            if any(pattern.endswith(suffix) for pattern in flat):
                named = ((line, native.fields(row)) for line, row in native.read(path))
                return (Found(line=line, row=row) for line, row in named if row is not None)
    return (Found(line=line, row=_named(path, line, row, columns or {})) for line, row in rows(path))


def _headed(cells: Sequence[str], columns: Mapping[str, str] | None) -> bool:
    known = set(columns.values()) if columns else {"text", "pair", "label", "id"}
    return bool(known & {cell.strip() for cell in cells})


def _named(path: Path, line: int, row: Row, columns: Mapping[str, str]) -> dict[str, Any]:
    """The row by the names of fields; of a task without columns the file's are these names."""
    cells = Cells(path, line, row, columns)
    named = dict(row) if not columns else {}
    for field, column in columns.items():
        several = [part.strip() for part in column.split(",")]
        if field == "choices" and len(several) > 1:
            named[field] = [cells.cell(part) for part in several]
        elif column in row:
            named[field] = row[column]
    return named


def _paired(path: Path, found: Sequence[Found], whole: Sequence[Example]) -> dict[str, Found]:
    """Rows by the id of the example that they translate."""
    if found and "original" in found[0].row:
        return _by_text(found, whole)
    ids = {example.id for example in whole}
    own = {str(row.row["id"]): row for row in found if row.row.get("id") is not None}
    if ids & own.keys():
        return own
    if len(found) != len(whole):
        raise DataError(
            f"{path}: {len(found)} rows, but the training data are {len(whole)} examples, and no ids pair them",
            "give the rows the ids of the examples, or as many rows in the same order",
        )
    return {example.id: row for example, row in zip(whole, found, strict=True)}


def _by_text(found: Sequence[Found], whole: Sequence[Example]) -> dict[str, Found]:
    """By the original that stands in the row; equal originals in their order."""
    waiting: dict[tuple[str, ...], list[str]] = {}
    for example in whole:
        if isinstance(example, Labelled):
            waiting.setdefault(_flat(example.text, example.pair or ""), []).append(example.id)
    pairs: dict[str, Found] = {}
    for row in found:
        if ids := waiting.get(_flat(row.row["original"], row.row["original_pair"])):
            pairs[ids.pop(0)] = row
    return pairs


def _flat(*texts: str) -> tuple[str, ...]:
    return tuple(" ".join(text.split()) for text in texts)


def _translated(path: Path, task: Task, found: Found | None, example: Example, labels: set[str], to: str) -> Example:
    if found is None:
        raise Untranslated("no row")
    names = task.spec.translated_columns
    row = {name: value for name, value in found.row.items() if name in names and value is not None}
    cells = Cells(path, found.line, row, {name: name for name in row})
    for name in _TEXTS:
        if name in names and getattr(example, name) is not None and not str(cells.cell(name)).strip():
            raise Untranslated("empty")
    if isinstance(example, Span) and "answer_text" in row:
        cells = replace(cells, row=_answered(row, example))
    parsed = task.spec.read(cells, example.id, to)
    return replace(_merged(example, parsed, labels), id=example.id, group=example.group)


_TEXTS = ("text", "pair", "prompt", "question", "context")


def _merged(example: Example, parsed: Example, labels: set[str]) -> Example:
    """What was translated from the row, all else from the example; a label by another name says nothing."""
    match example, parsed:
        case Labelled(), Labelled():
            label = _RENAMED.get(parsed.label or "", parsed.label)
            if label in labels and label != example.label:
                raise Untranslated("another label")
            return replace(parsed, label=example.label)
        case Choice(), Choice():
            if len(parsed.choices) != len(example.choices):
                raise Untranslated("other choices")
            return replace(parsed, answer=example.answer)
        case Span(), Span():
            return parsed if parsed.answers is not None else _unanswered(parsed, example)
        case _:
            return parsed


def _unanswered(parsed: Span, example: Span) -> Span:
    """A row without answers is of a question that has none."""
    if example.answers:
        raise Untranslated("unprojectable")
    return replace(parsed, answers=example.answers)


def _answered(row: Mapping[str, Any], example: Span) -> dict[str, Any]:
    """The row with its first answer where it stands in its context. Raises Untranslated if it does not."""
    texts = [str(text) for text in listed(row["answer_text"])]
    if not texts:
        if example.answers:
            raise Untranslated("unprojectable")
        return dict(row) | {"answer_text": [], "answer_start": []}
    context, starts = str(row.get("context") or ""), listed(row.get("answer_start"))
    start = int(starts[0]) if starts and str(starts[0]).lstrip("-").isdecimal() else -1
    if start < 0 or context[start : start + len(texts[0])] != texts[0] or not texts[0]:
        answer = find(context, texts[0])
        if answer is None:
            raise Untranslated("unprojectable")
        return dict(row) | {"answer_text": [answer.text], "answer_start": [answer.start]}
    return dict(row) | {"answer_text": texts[:1], "answer_start": [start]}
