"""Sentences of files in CoNLL columns: a word per line, and a blank line after each sentence."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from xstilts.errors import DataError
from xstilts.formats.conllu import conllu, is_id_sequence
from xstilts.formats.content import Row
from xstilts.formats.text_lines import blocks
from xstilts.plurals import plural

Line = tuple[int, list[str]]
"""The number of a line, and its columns."""

_DOCUMENT = "-DOCSTART-"
_HINT = "write a word, its columns and its tag on each line, with tabs or spaces between them"
_TAG = re.compile(r"O|[BIESLUM]-\S+")


def conll_columns(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences of a file with two or more columns: `words` (the first), `tags` (the last), and `col2`, `col3`, ...

    If every line has a tab, tabs separate the columns, otherwise spaces and tabs do. Comments and `-DOCSTART-` lines
    are skipped. Files with the ten columns and the ids of CoNLL-U are read as such. Raises DataError, with the line,
    for a single column, lines of different length, and columns that begin with numbers instead of words.
    """
    sentences = list(_sentences(path))
    if not sentences:
        raise DataError(f"{path}: the file has no words", _HINT)
    first, cells = sentences[0][0]
    width = len(cells)
    if width < 2:
        raise DataError(f"{path}:{first}: 1 column, expected at least 2", _HINT)
    ids = [[cells[0] for _, cells in lines] for lines in sentences]
    if any(len(column) > 1 for column in ids) and all(is_id_sequence(column) for column in ids):
        if width == 10:
            yield from conllu(path)
            return
        raise DataError(f"{path}:{first}: the first column has numbers instead of words", "delete the first column")
    names = ["words", *(f"col{number}" for number in range(2, width)), "tags"]
    for lines in sentences:
        for number, cells in lines:
            if len(cells) != width:
                raise DataError(f"{path}:{number}: {plural(len(cells), 'column')}, but line {first} has {width}", _HINT)
            if not all(cell.strip() for cell in cells):
                raise DataError(f"{path}:{number}: an empty column", _HINT)
        columns = zip(*(cells for _, cells in lines), strict=True)
        yield lines[0][0], {name: list(column) for name, column in zip(names, columns, strict=True)}


def _sentences(path: Path) -> Iterator[list[Line]]:
    """The lines of each sentence, without comments."""
    divided = [sentence for first, block in blocks(path) for sentence in _divide_at_documents(first, block)]
    plain = [text for sentence in divided for _, text in sentence if not text.startswith("#")]
    separator = re.compile("\t" if all("\t" in text for text in plain) else "[ \t]+")
    tables = [[(number, separator.split(text.strip(" \t"))) for number, text in lines] for lines in divided]
    rows = [cells for lines in tables for _, cells in lines if not cells[0].startswith("#")]
    width, tags = len(rows[0]) if rows else 0, {cells[-1] for cells in rows}
    for lines in tables:
        sentence: list[Line] = []
        for number, cells in lines:
            comment = cells[0].startswith("#") and (
                len(cells) != width or not (sentence or cells[-1] in tags or _TAG.fullmatch(cells[-1]))
            )
            if not comment:
                sentence.append((number, cells))
        if sentence:
            yield sentence


def _divide_at_documents(first: int, block: Sequence[str]) -> Iterator[list[tuple[int, str]]]:
    lines: list[tuple[int, str]] = []
    for number, text in enumerate(block, start=first):
        if text.startswith(_DOCUMENT):
            yield lines
            lines = []
        else:
            lines.append((number, text))
    yield lines
