"""Reads translations of training examples from files and pairs each row with the example that it translates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xstilts.data.translation.projection import find_answer
from xstilts.data.translation.translate import NotTranslatable, Translated, translate_each
from xstilts.errors import DataError, RowsError
from xstilts.formats.benchmarks import headerless_tsv
from xstilts.formats.squad import holds_squad, squad_questions
from xstilts.formats.tables import Row, format_suffix, read_text, rows
from xstilts.plurals import plural
from xstilts.problems import Choice, Example, Labelled, Span
from xstilts.problems.cells import FileRow, as_list
from xstilts.tasks.task import Task

_HEADERLESS = {
    5: ("original", "original_pair", "text", "pair", "label"),
    3: ("text", "pair", "label"),
}
"""Columns of headerless files, by number of cells: XTREME's translate-train (original pair, translated pair, label;
README of google-research/xtreme, section Translations), and files with only the translated pair and its label."""

_RENAMED = {"contradictory": "contradiction"}
"""Label names of translated XNLI (XTREME's third_party/processors/xnli.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationRow:
    """A row with its line number; the keys are the names of an example's fields."""

    line: int
    row: Row


def read_translations(
    path: Path,
    task: Task,
    columns: Mapping[str, str] | None,
    train_split: Sequence[Example],
    examples: Sequence[Example],
    language: str,
) -> Translated:
    """The translations of `examples` in the file `path`, with the ids and groups of the examples.

    A row is paired with an example by the original text in the row, else by id, else by position if there are as many
    rows as examples in `train_split`. `columns` are those of a task that the recipe defines. An example is dropped
    if it has no row, or the row has a different label, or the row's context does not contain the answer. Raises
    DataError with file and line if the file cannot be read or paired, RowsError with all rows that cannot be used.
    """
    file_rows = list(_rows(path, task, columns))
    pairs = _rows_by_id(path, file_rows, train_split)
    labels = {str(example.label) for example in train_split if isinstance(example, Labelled)}
    errors: list[DataError] = []

    def translated(example: Example) -> Example:
        try:
            return _translated(path, task, pairs.get(example.id), example, labels, language)
        except DataError as error:
            errors.append(error)
            raise NotTranslatable("an invalid row") from None

    translations = translate_each(examples, translated)
    if errors:
        raise RowsError(errors)
    return translations


def _rows(path: Path, task: Task, columns: Mapping[str, str] | None) -> Iterator[TranslationRow]:
    suffix = format_suffix(path)
    cells = read_text(path).partition("\n")[0].split("\t") if suffix == ".tsv" else []
    if suffix == ".json" and holds_squad(path):
        return (TranslationRow(line=line, row=row) for line, row in squad_questions(path))
    if task.problem == "classification" and len(cells) in _HEADERLESS and not _has_header(cells, columns):
        return (TranslationRow(line=line, row=row) for line, row in headerless_tsv(*_HEADERLESS[len(cells)])(path))
    if columns is None and task.benchmark is not None:
        for native in task.benchmark.native:
            patterns = [*native.english.values(), *native.files.values()]
            flat = [p for pattern in patterns for p in ((pattern,) if isinstance(pattern, str) else pattern)]
            if any(pattern.endswith(suffix) for pattern in flat):
                renamed = ((line, native.fields(row)) for line, row in native.read(path))
                return (TranslationRow(line=line, row=row) for line, row in renamed if row is not None)
    return (TranslationRow(line=line, row=_rename_columns(path, line, row, columns or {})) for line, row in rows(path))


def _has_header(cells: Sequence[str], columns: Mapping[str, str] | None) -> bool:
    column_names = set(columns.values()) if columns else {"text", "pair", "label", "id"}
    return bool(column_names & {cell.strip() for cell in cells})


def _rename_columns(path: Path, line: int, row: Row, columns: Mapping[str, str]) -> dict[str, Any]:
    """The row by field names; without `columns`, the column names of the file are the field names."""
    cells = FileRow(path, line, row, columns)
    renamed = dict(row) if not columns else {}
    for field, column in columns.items():
        choice_columns = [name.strip() for name in column.split(",")]
        if field == "choices" and len(choice_columns) > 1:
            renamed[field] = [cells.value(name) for name in choice_columns]
        elif column in row:
            renamed[field] = row[column]
    return renamed


def _rows_by_id(
    path: Path, file_rows: Sequence[TranslationRow], train_split: Sequence[Example]
) -> dict[str, TranslationRow]:
    """The row of each example, by the example's id."""
    if file_rows and "original" in file_rows[0].row:
        return _rows_by_text(file_rows, train_split)
    ids = {example.id for example in train_split}
    rows_by_id = {str(row.row["id"]): row for row in file_rows if row.row.get("id") is not None}
    if ids & rows_by_id.keys():
        return rows_by_id
    if len(file_rows) != len(train_split):
        raise DataError(
            f"{path} has {plural(len(file_rows), 'row')} for {plural(len(train_split), 'training example')}, "
            "and no ids to pair them",
            "add the ids of the examples, or write one row per example in the same order",
        )
    return {example.id: row for example, row in zip(train_split, file_rows, strict=True)}


def _rows_by_text(file_rows: Sequence[TranslationRow], train_split: Sequence[Example]) -> dict[str, TranslationRow]:
    """Pair rows by the original text in the row; equal originals are paired in order."""
    unpaired: dict[tuple[str, ...], list[str]] = {}
    for example in train_split:
        if isinstance(example, Labelled):
            unpaired.setdefault(_normalise_spaces(example.text, example.pair or ""), []).append(example.id)
    pairs: dict[str, TranslationRow] = {}
    for row in file_rows:
        if ids := unpaired.get(_normalise_spaces(row.row["original"], row.row["original_pair"])):
            pairs[ids.pop(0)] = row
    return pairs


def _normalise_spaces(*texts: str) -> tuple[str, ...]:
    return tuple(" ".join(text.split()) for text in texts)


def _translated(
    path: Path, task: Task, file_row: TranslationRow | None, example: Example, labels: set[str], language: str
) -> Example:
    if file_row is None:
        raise NotTranslatable("no row")
    names = task.spec.translated_columns
    row = {name: value for name, value in file_row.row.items() if name in names and value is not None}
    cells = FileRow(path, file_row.line, row, {name: name for name in row})
    for name in _TEXTS:
        if name in names and getattr(example, name) is not None and not str(cells.value(name)).strip():
            raise NotTranslatable("empty")
    if isinstance(example, Span) and "answer_text" in row:
        cells = replace(cells, row=_with_located_answer(row, example))
    parsed = task.spec.read(cells, example.id, language)
    return replace(_merge(example, parsed, labels), id=example.id, group=example.group)


_TEXTS = ("text", "pair", "prompt", "question", "context")


def _merge(example: Example, parsed: Example, labels: set[str]) -> Example:
    """The translated fields from the row, all others from the example. Unknown label names are ignored."""
    match example, parsed:
        case Labelled(), Labelled():
            label = _RENAMED.get(parsed.label or "", parsed.label)
            if label in labels and label != example.label:
                raise NotTranslatable("another label")
            return replace(parsed, label=example.label)
        case Choice(), Choice():
            if len(parsed.choices) != len(example.choices):
                raise NotTranslatable("other choices")
            return replace(parsed, answer=example.answer)
        case Span(), Span():
            if parsed.answers is not None:
                return parsed
            if example.answers:  # a row without answers translates an unanswerable question
                raise NotTranslatable("unprojectable")
            return replace(parsed, answers=example.answers)
        case _:
            return parsed


def _with_located_answer(row: Mapping[str, Any], example: Span) -> dict[str, Any]:
    """The row with the position of its first answer. Raises NotTranslatable if the context does not contain it."""
    texts = [str(text) for text in as_list(row["answer_text"])]
    if not texts:
        if example.answers:
            raise NotTranslatable("unprojectable")
        return dict(row) | {"answer_text": [], "answer_start": []}
    context, starts = str(row.get("context") or ""), as_list(row.get("answer_start"))
    start = int(starts[0]) if starts and str(starts[0]).lstrip("-").isdecimal() else -1
    if start < 0 or context[start : start + len(texts[0])] != texts[0] or not texts[0]:
        answer = find_answer(context, texts[0])
        if answer is None:
            raise NotTranslatable("unprojectable")
        return dict(row) | {"answer_text": [answer.text], "answer_start": [answer.start]}
    return dict(row) | {"answer_text": texts[:1], "answer_start": [start]}
