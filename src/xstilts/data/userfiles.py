"""A user's own task: files, their columns and the problem, named in a recipe."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from xstilts.data.splits import ALL
from xstilts.data.tables import SUFFIXES, Row, rows
from xstilts.errors import DataError
from xstilts.examples import Answer, Choice, Example, Labelled, Parallel, Span, Tagged
from xstilts.problems import ProblemName
from xstilts.tasks.task import Files, Paths, Task

FRACTIONS = {"train": 0.7, "dev": 0.1, "test": 0.2}
"""The splits of a language that has one file, unless the block says otherwise."""

_COLUMNS: Mapping[ProblemName, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "classification": (("text",), ("pair", "label")),
    "choice": (("prompt", "choices"), ("answer",)),
    "span": (("question", "context"), ("answer_text", "answer_start")),
    "tagging": (("words",), ("tags",)),
    "retrieval": (("text", "english"), ()),
}
"""What each problem must have and may have; every problem may have `id` and `group`."""


class Block(Protocol):
    """What a recipe says of a user's task."""

    @property
    def problem(self) -> ProblemName: ...
    @property
    def files(self) -> Mapping[str, str | Mapping[str, str]]: ...
    @property
    def columns(self) -> Mapping[str, str]: ...
    @property
    def fractions(self) -> Mapping[str, float] | None: ...
    @property
    def licence(self) -> str: ...


def user_task(name: str, block: Block, base: Path) -> Task:
    """The task that `block` names; its paths are relative to `base`. Rows are read when the task is loaded.

    The group of a row is its text (prompt, context, English sentence), so that equal texts never cross splits; in
    data that is parallel across languages, name a `group` column. Raises DataError for a missing file or column name.
    """
    _check_columns(name, block)
    files = {language: _by_split(where, base) for language, where in block.files.items()}
    sums = {str(path): _digest(name, path) for splits in files.values() for path in splits.values()}
    whole = any(ALL in splits for splits in files.values())
    layout = {
        "columns": dict(block.columns),
        "files": {lang: {split: sums[str(path)] for split, path in splits.items()} for lang, splits in files.items()},
    }
    return Task(
        name=name,
        problem=block.problem,
        suite=(),
        languages=tuple(files),
        sources=(Files(sums=sums, layout=json.dumps(layout, sort_keys=True)),),
        read=partial(_read, files, block.problem, dict(block.columns)),
        fractions=dict(block.fractions or FRACTIONS) if whole else None,
        licence=block.licence,
        citation="",
        url="",
        weaknesses=("your own data: nothing is known about its quality",),
    )


def _check_columns(name: str, block: Block) -> None:
    needed, optional = _COLUMNS[block.problem]
    known = (*needed, *optional, "id", "group")
    for field in needed:
        if field not in block.columns:
            raise DataError(f"task {name!r}: a {block.problem} task needs `columns: {field}`", _columns_hint(known))
    for field in block.columns:
        if field not in known:
            raise DataError(f"task {name!r}: a {block.problem} task has no column {field!r}", _columns_hint(known))
    if not block.files:
        raise DataError(f"task {name!r} names no files", "give `files: {language: path}`")


def _columns_hint(known: tuple[str, ...]) -> str:
    return f"the columns are {', '.join(known)}"


def _by_split(where: str | Mapping[str, str], base: Path) -> dict[str, Path]:
    splits = {ALL: where} if isinstance(where, str) else where
    return {split: base / Path(path).expanduser() for split, path in splits.items()}


def _digest(name: str, path: Path) -> str:
    if not path.is_file():
        raise DataError(f"task {name!r}: there is no file {path}", "paths are relative to the recipe")
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"task {name!r}: {path} cannot be read", f"use {', '.join(SUFFIXES)}")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(
    files: Mapping[str, Mapping[str, Path]],
    problem: ProblemName,
    columns: Mapping[str, str],
    paths: Paths,
    language: str,
) -> dict[str, Iterator[Example]]:
    return {split: _examples(path, split, problem, columns, language) for split, path in files[language].items()}


def _examples(
    path: Path, split: str, problem: ProblemName, columns: Mapping[str, str], language: str
) -> Iterator[Example]:
    build = _BUILDERS[problem]
    for line, row in rows(path):
        yield build(_Cells(path, line, row, columns), f"{split}-{line}", language)


@dataclass(frozen=True, slots=True)
class _Cells:
    """A row, read by the names of an example's fields; every complaint names file and line."""

    path: Path
    line: int
    row: Row
    columns: Mapping[str, str]

    def wrong(self, what: str, hint: str) -> DataError:
        return DataError(f"{self.path}:{self.line}: {what}", hint)

    def cell(self, column: str) -> Any:
        if column not in self.row:
            raise self.wrong(f"there is no column {column!r}", f"the columns are {', '.join(self.row)}")
        return self.row[column]

    def text(self, field: str) -> str:
        """A cell that must hold something."""
        column = self.columns[field]
        value = self.cell(column)
        if value is None or not str(value).strip():
            raise self.wrong(f"the {field} is missing (column {column!r})", "fill the cell or delete the row")
        return str(value).strip()

    def optional(self, field: str) -> str | None:
        """None where the file has no such column at all; then no row may lack it."""
        return self.text(field) if field in self.columns else None

    def sequence(self, field: str) -> tuple[str, ...]:
        """A list, or words between spaces."""
        value = self.cell(self.columns[field])
        parts = [str(part) for part in value] if isinstance(value, list | tuple) else str(value or "").split()
        if not parts or not all(parts):
            raise self.wrong(f"the {field} are missing or have a gap", "give a list, or words between spaces")
        return tuple(parts)

    def named(self, default: str) -> str:
        return self.text("id") if "id" in self.columns else default

    def group(self, text: str) -> str:
        if "group" in self.columns:
            return self.text("group")
        return hashlib.sha256(" ".join(text.casefold().split()).encode()).hexdigest()[:16]


def _labelled(cells: _Cells, name: str, language: str) -> Labelled:
    text = cells.text("text")
    return Labelled(
        id=cells.named(name),
        group=cells.group(text),
        language=language,
        text=text,
        pair=cells.optional("pair"),
        label=cells.optional("label"),
    )


def _choice(cells: _Cells, name: str, language: str) -> Choice:
    prompt, choices = cells.text("prompt"), _choices(cells)
    answer = cells.optional("answer")
    return Choice(
        id=cells.named(name),
        group=cells.group(prompt),
        language=language,
        prompt=prompt,
        choices=choices,
        answer=None if answer is None else _index(cells, answer, choices),
    )


def _choices(cells: _Cells) -> tuple[str, ...]:
    columns = [column.strip() for column in cells.columns["choices"].split(",")]
    values = cells.cell(columns[0]) if len(columns) == 1 else [cells.cell(column) for column in columns]
    if not isinstance(values, list | tuple) or len(values) < 2 or not all(str(v or "").strip() for v in values):
        raise cells.wrong(
            "fewer than two choices, or an empty one", "name one column that holds a list, or several columns: a,b,c"
        )
    return tuple(str(value).strip() for value in values)


def _index(cells: _Cells, answer: str, choices: tuple[str, ...]) -> int:
    """The answer is the text of a choice, or else its number from 0."""
    if answer in choices:
        return choices.index(answer)
    if answer.isdecimal() and int(answer) < len(choices):
        return int(answer)
    raise cells.wrong(
        f"the answer {answer!r} is no choice", f"give the text of a choice, or a number from 0 to {len(choices) - 1}"
    )


def _span(cells: _Cells, name: str, language: str) -> Span:
    context = str(cells.cell(cells.columns["context"]) or "")
    if not context.strip():
        cells.text("context")
    return Span(
        id=cells.named(name),
        group=cells.group(context),
        language=language,
        question=cells.text("question"),
        context=context,
        answers=_answers(cells, context) if "answer_text" in cells.columns else None,
    )


def _answers(cells: _Cells, context: str) -> tuple[Answer, ...]:
    """The answers with their offsets; an empty cell or list means that the question has no answer."""
    texts = _listed(cells.cell(cells.columns["answer_text"]))
    starts = _listed(cells.cell(cells.columns["answer_start"])) if "answer_start" in cells.columns else None
    if starts is None:
        starts = [context.find(str(text)) for text in texts]
    elif texts and len(starts) != len(texts):
        raise cells.wrong(f"{len(texts)} answers but {len(starts)} offsets", "give each answer its offset")
    return tuple(_answer(cells, context, str(text), start) for text, start in zip(texts, starts, strict=False))


def _answer(cells: _Cells, context: str, text: str, start: Any) -> Answer:
    try:
        offset = int(start)
    except (TypeError, ValueError):
        raise cells.wrong(f"the offset {start!r} is no number", "give the offset of the first character") from None
    if offset < 0 or context[offset : offset + len(text)] != text:
        raise cells.wrong(
            f"the answer {text!r} does not stand at character {offset} of its context",
            "count characters from 0, after decoding UTF-8",
        )
    return Answer(text=text, start=offset)


def _listed(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _tagged(cells: _Cells, name: str, language: str) -> Tagged:
    words = cells.sequence("words")
    tags = cells.sequence("tags") if "tags" in cells.columns else None
    if tags is not None and len(tags) != len(words):
        raise cells.wrong(f"{len(words)} words but {len(tags)} tags", "give each word a tag")
    return Tagged(id=cells.named(name), group=cells.group(" ".join(words)), language=language, words=words, tags=tags)


def _parallel(cells: _Cells, name: str, language: str) -> Parallel:
    english = cells.text("english")
    return Parallel(
        id=cells.named(name),
        group=cells.group(english),
        language=language,
        text=cells.text("text"),
        english=english,
    )


_BUILDERS: Mapping[ProblemName, Callable[[_Cells, str, str], Example]] = {
    "classification": _labelled,
    "choice": _choice,
    "span": _span,
    "tagging": _tagged,
    "retrieval": _parallel,
}
