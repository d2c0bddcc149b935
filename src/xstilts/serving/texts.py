"""The texts of a request or a file, checked against what the model reads."""

import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from xstilts.errors import DataError
from xstilts.fitting.facts import ModelFacts
from xstilts.formats.tables import format_suffix, read_rows
from xstilts.formats.text_lines import numbered_lines
from xstilts.problems.cells import FileRow
from xstilts.serving.refusals import RefusedError
from xstilts.serving.schemas import FileTexts, LeftOutRow, Text

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")
LINES = ".txt"


def check_text(text: Text, facts: ModelFacts, place: str) -> None:
    """Raises RefusedError (422) for a text that the model cannot read. `place` says which one it is."""
    if facts.reads_pairs == isinstance(text, str):
        wanted = ("a pair of texts", "[first, second]") if facts.reads_pairs else ("one text", "a string")
        raise RefusedError(422, f"{place}: the model reads {wanted[0]}", f"send {wanted[1]}")
    for part in [text] if isinstance(text, str) else text:
        if problem := _problem(part):
            raise RefusedError(422, f"{place}: {problem}", "leave it out or fill it")


def read_file(content: bytes, name: str, facts: ModelFacts, most: int) -> FileTexts:
    """The texts of a file named `name`: a table with the columns of the training files, or a .txt file with one text
    per line. Rows that cannot be used are left out and listed.

    Raises DataError for a file without a usable row, and RefusedError (413) for more than `most` texts.
    """
    name = PurePosixPath(PureWindowsPath(name).name).name or "the file"
    suffix = format_suffix(Path(name))
    if suffix not in (*TABLES, LINES) or Path(name).suffix.lower() != suffix:
        raise DataError(f"{name} cannot be read", f"use a file that ends in {', '.join((*TABLES, LINES))}")
    if suffix == LINES and facts.reads_pairs:
        raise DataError(f"{name} has one text per line, and the model reads pairs", f"use {', '.join(TABLES)}")
    with tempfile.TemporaryDirectory(prefix="xstilts-") as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_bytes(content)
        try:
            texts = _lines(path) if suffix == LINES else _table(path, facts.text_columns)
        except DataError as error:
            raise DataError(error.message.replace(str(path), name), error.hint) from None
    if len(texts.texts) > most:
        hint = "split the file, use `xstilts predict`, or raise --max-texts"
        raise RefusedError(413, f"{name} has {len(texts.texts):,} texts, and the limit is {most:,}", hint)
    return texts


def _lines(path: Path) -> FileTexts:
    rows = list(numbered_lines(path))
    if not rows:
        raise DataError(f"{path}: the file is empty", "write one text per line")
    texts: list[Text] = [text.strip() for _, text in rows]
    return FileTexts(texts=texts, lines=[line for line, _ in rows], left_out=[], notes=[])


def _table(path: Path, columns: Mapping[str, str]) -> FileTexts:
    table = read_rows(path)
    texts: list[Text] = []
    lines: list[int] = []
    errors: list[tuple[int, DataError]] = []
    for line, row in table.rows:
        try:
            parts = _readable(FileRow(path, line, row, columns))
        except DataError as error:
            errors.append((line, error))
            continue
        texts.append(parts[0] if len(parts) == 1 else (parts[0], parts[1]))
        lines.append(line)
    if not texts:
        raise errors[0][1] if errors else DataError(f"{path}: the file has no rows", "add rows below the header")
    return FileTexts(
        texts=texts,
        lines=lines,
        left_out=[
            LeftOutRow(line=line, message=error.message.replace(f"{path}:{line}: ", "")) for line, error in errors
        ],
        notes=[
            f"line {note.first_line}: {note.text}" + f" ({note.count:,} times)" * (note.count > 1)
            for note in table.notes
        ],
    )


def _readable(row: FileRow) -> list[str]:
    parts = [row.required_text(field) for field in row.columns]
    for part in parts:
        if problem := _problem(part):
            raise row.error(problem, "delete the row")
    return parts


def _problem(text: str) -> str | None:
    if not text.strip():
        return "the text is blank"
    if "\0" in text:
        return "the text has a NUL character"
    return None
