"""Texts to compare models on, or to select sub-words with: training rows and files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.errors import DataError
from xstilts.fitting.facts import ModelFacts
from xstilts.fitting.training_rows import TrainingRows
from xstilts.formats.tables import format_suffix, read_rows
from xstilts.formats.text_lines import numbered_lines

TRAINING = "training rows"
LABEL, LANGUAGE = "label", "language"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """A text, or a pair of texts."""

    text: Any
    language: str
    source: str
    labels: tuple[str, ...] | None = None
    """None if the row is not labelled, or for multi-label models, whose labels are compared only with each other."""


def training_texts(rows: TrainingRows, facts: ModelFacts) -> list[CheckRow]:
    """None for models of pairs: the folder stores their rows as one text each."""
    if facts.reads_pairs:
        return []
    labelled = facts.problem == "classification"
    return [
        CheckRow(text=text, language=language, source=TRAINING, labels=(label,) if labelled else None)
        for text, label, language in zip(rows.texts, rows.labels, rows.languages, strict=True)
    ]


def file_texts(path: Path, facts: ModelFacts) -> list[CheckRow]:
    """The rows of a file of a supported format with the text columns of the training files; a .txt file has one text
    per line. A column `language` has the language of each row, otherwise it is that of the model; a column `label`, if
    there is one, has the labels. Rows without text are skipped. Raises DataError if a column is missing or no row has
    text.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}", "check the path")
    if format_suffix(path) == ".txt" and not facts.reads_pairs:
        rows = [
            CheckRow(text=line.strip(), language=facts.language, source=path.name) for _, line in numbered_lines(path)
        ]
    else:
        rows = _table(path, facts)
    if not rows:
        raise DataError(f"{path} has no texts", "name a file with texts")
    return rows


def _table(path: Path, facts: ModelFacts) -> list[CheckRow]:
    columns = [facts.columns[field] for field in ("text", "pair") if field in facts.columns]
    rows: list[CheckRow] = []
    for number, row in read_rows(path).rows:
        if missing := [column for column in columns if column not in row]:
            raise DataError(
                f"{path}:{number} has no column {missing[0]!r}; it has {', '.join(map(str, row))}",
                "use the columns of the training files",
            )
        texts = [str(row[column] or "").strip() for column in columns]
        if not all(texts):
            continue
        label = row.get(LABEL)
        labelled = facts.problem == "classification" and label is not None and str(label) in facts.labels
        rows.append(
            CheckRow(
                text=tuple(texts) if facts.reads_pairs else texts[0],
                language=str(row.get(LANGUAGE) or facts.language),
                source=path.name,
                labels=(str(label),) if labelled else None,
            )
        )
    return rows


def by_language(rows: Sequence[CheckRow]) -> dict[str, list[str]]:
    """Texts by language; the two texts of a pair count as one each."""
    texts: dict[str, list[str]] = {}
    for row in rows:
        texts.setdefault(row.language, []).extend([row.text] if isinstance(row.text, str) else row.text)
    return texts
