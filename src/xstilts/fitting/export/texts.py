"""Texts to compare models on, or to select sub-words with: training rows and files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.errors import DataError, UserError
from xstilts.fitting.facts import ModelFacts
from xstilts.fitting.languages import find_language
from xstilts.fitting.training_rows import ROWS_FILE, TrainingRows
from xstilts.formats.tables import format_suffix, read_rows
from xstilts.formats.text_lines import numbered_lines
from xstilts.plurals import plural

TRAINING = "training rows"
LABEL, LANGUAGE = "label", "language"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """A text, or a pair of texts."""

    text: Any
    language: str
    """A code as `find_language` gives it."""
    source: str
    labels: tuple[str, ...] | None = None
    """None if the row is not labelled, or for multi-label models, whose labels are compared only with each other."""


def training_texts(rows: TrainingRows, facts: ModelFacts) -> list[CheckRow]:
    """None for models of pairs: the folder stores their rows as one text each."""
    if facts.reads_pairs:
        return []
    labelled = facts.problem == "classification"
    return [
        CheckRow(text=text, language=_code(name, ROWS_FILE), source=TRAINING, labels=(label,) if labelled else None)
        for text, label, name in zip(rows.texts, rows.labels, rows.languages, strict=True)
    ]


def file_texts(path: Path, facts: ModelFacts) -> tuple[list[CheckRow], list[str]]:
    """The rows of a file, and what is left out of them, with counts.

    The file has a supported format and the text columns of the training files; a .txt file has one text per line. A
    column `language` has the language of each row, as a code or an English name; otherwise it is that of the model. A
    column `label`, if there is one, has the labels; one that the model does not know is not compared. Rows without text
    are left out. Raises DataError if a column is missing, a language is none, or no row has text.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}", "check the path")
    notes: list[str] = []
    if format_suffix(path) == ".txt" and not facts.reads_pairs:
        language = _code(facts.language, "the model")
        rows = [CheckRow(text=line.strip(), language=language, source=path.name) for _, line in numbered_lines(path)]
    else:
        rows = _table(path, facts, notes)
    if not rows:
        raise DataError(f"{path} has no texts", "name a file with texts")
    return rows, notes


def in_languages(
    path: Path, rows: Sequence[CheckRow], languages: Sequence[str], notes: list[str]
) -> dict[str, list[str]]:
    """Texts by language; those in other languages are left out and noted. Raises UserError if all of them are."""
    kept = [row for row in rows if row.language in languages]
    others = sorted({row.language for row in rows} - set(languages))
    if not kept:
        raise UserError(
            f"{path} has no text in {', '.join(languages)}, but {plural(len(rows), 'text')} in {', '.join(others)}",
            f"add {others[0]} to --languages, or say the language of each row in a column `{LANGUAGE}`",
        )
    if others:
        count = plural(len(rows) - len(kept), "text")
        notes.append(f"{path.name}: {count} in {', '.join(others)} left out: --languages does not name them")
    return by_language(kept)


def by_language(rows: Sequence[CheckRow]) -> dict[str, list[str]]:
    """Texts by language; the two texts of a pair count as one each."""
    texts: dict[str, list[str]] = {}
    for row in rows:
        texts.setdefault(row.language, []).extend([row.text] if isinstance(row.text, str) else row.text)
    return texts


def _table(path: Path, facts: ModelFacts, notes: list[str]) -> list[CheckRow]:
    columns = list(facts.text_columns.values())
    rows: list[CheckRow] = []
    empty = unknown = 0
    table = read_rows(path)
    notes += [f"{path.name}: {note.text} ({note.count:,}, first in line {note.first_line})" for note in table.notes]
    for number, row in table.rows:
        if missing := [column for column in columns if column not in row]:
            raise DataError(
                f"{path}:{number} has no column {missing[0]!r}; it has {', '.join(map(str, row))}",
                "use the columns of the training files",
            )
        texts = [str(row[column] or "").strip() for column in columns]
        if not all(texts):
            empty += 1
            continue
        label = str(row.get(LABEL) or "")
        labelled = facts.problem == "classification" and label in facts.labels
        unknown += facts.problem == "classification" and bool(label) and not labelled
        rows.append(
            CheckRow(
                text=tuple(texts) if facts.reads_pairs else texts[0],
                language=_code(str(row.get(LANGUAGE) or facts.language), f"{path}:{number}"),
                source=path.name,
                labels=(label,) if labelled else None,
            )
        )
    if empty:
        notes.append(f"{path.name}: {plural(empty, 'row')} without text left out")
    if unknown:
        notes.append(f"{path.name}: {plural(unknown, 'label')} that the model does not know left out")
    return rows


def _code(language: str, place: str) -> str:
    try:
        return find_language(language).code
    except UserError as error:
        raise DataError(f"{place}: {error.message}", error.hint) from None
