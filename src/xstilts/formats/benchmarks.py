"""Readers of the file formats of benchmarks: rows with the line number on which each begins."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from xstilts.errors import DataError
from xstilts.formats.content import Row
from xstilts.formats.delimited import delimited_rows
from xstilts.formats.text_lines import blocks, numbered_lines
from xstilts.plurals import plural

Reader = Callable[[Path], Iterator[tuple[int, Row]]]


def headerless_tsv(*columns: str, optional: str = "") -> Reader:
    """A reader of tab-separated files without header and quoting. `optional` is a last column that a file may lack,
    such as withheld labels."""

    def read(path: Path) -> Iterator[tuple[int, Row]]:
        names = columns
        for number, line in numbered_lines(path):
            cells = line.split("\t")
            if names == columns and optional and len(cells) == len(columns) + 1:
                names = (*columns, optional)
            if len(cells) != len(names):
                raise DataError(
                    f"{path}:{number}: {plural(len(cells), 'cell')}, expected {len(names)}: {', '.join(names)}",
                    "the file must be tab-separated, as the benchmark publishes it",
                )
            yield number, dict(zip(names, cells, strict=True))

    return read


def unquoted_tsv(path: Path) -> Iterator[tuple[int, Row]]:
    """Tab-separated rows with a header, without quoting (GLUE, XNLI)."""
    return delimited_rows(path, "\t", quoted=False)


def quoted_tsv(path: Path) -> Iterator[tuple[int, Row]]:
    """Tab-separated rows with a header; cells may be quoted (SIB-200)."""
    return delimited_rows(path, "\t")


def quoted_csv(path: Path) -> Iterator[tuple[int, Row]]:
    """Comma-separated rows with a header; cells may be quoted (NusaX)."""
    return delimited_rows(path, ",")


def tagged_sentences(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences as `words` and `tags`: one word and its tag per line, tab-separated; a blank line ends a sentence.

    Files with only words have no `tags`. Consecutive blank lines count as one.
    """
    for first, lines in blocks(path):
        cells = [line.split("\t") for line in lines]
        widths = {len(row) for row in cells}
        if len(widths) != 1 or widths > {1, 2}:
            offset = next(i for i, row in enumerate(cells) if len(row) != len(cells[0]) or len(row) > 2)
            raise DataError(
                f"{path}:{first + offset}: {plural(len(cells[offset]), 'cell')}", "write a word, a tab and its tag"
            )
        sentence: dict[str, Any] = {"words": [row[0] for row in cells]}
        yield first, sentence | ({"tags": [row[1] for row in cells]} if widths == {2} else {})


def aligned_files(suffix: str) -> Reader:
    """A reader of two line-aligned files: `text` from the file, `english` from the file with `suffix` instead."""

    def read(path: Path) -> Iterator[tuple[int, Row]]:
        other = path.with_suffix(suffix)
        lines, english_lines = list(numbered_lines(path, blank=True)), list(numbered_lines(other, blank=True))
        if len(lines) != len(english_lines):
            raise DataError(
                f"{path} has {plural(len(lines), 'line')}, but {other.name} has {len(english_lines)}",
                "line n translates line n",
            )
        for (number, text), (_, english) in zip(lines, english_lines, strict=True):
            yield number, {"text": text, "english": english}

    return read


def sorted_translations(path: Path) -> Iterator[tuple[int, Row]]:
    """Raises DataError: XTREME's script sorts the English lines of xx-en.en, so that they translate unknown lines."""
    raise DataError(
        f"{path}: no labels, because XTREME's download script sorts the English sentences of {path.stem}.en",
        "put the original files, such as tatoeba.tha-eng.tha and tatoeba.tha-eng.eng, beside it; they are at "
        "https://github.com/facebookresearch/LASER/tree/main/data/tatoeba/v1",
    )
    yield


def bucc_sentences(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences of a collection in BUCC format: `id`, `text`, `english` (whether it is English) and `partners`.

    The collections are xx-en.SPLIT.xx and xx-en.SPLIT.en, with an id, a tab and a sentence per line. xx-en.SPLIT.gold
    has the pairs of ids that are translations, the English id second; without it, rows have no `partners`. Ids are
    prefixed with the split, because splits reuse the same numbers.
    """
    pair, _, split = path.stem.partition(".")
    foreign, _, english = pair.partition("-")
    side = path.suffix.removeprefix(".")
    if side not in (foreign, english):
        return
    gold = path.with_suffix(".gold")
    partners = _partners(gold, split, side == english) if gold.is_file() else None
    for number, (name, text) in _id_and_text(path):
        row = {"id": f"{split}:{name}", "text": text, "english": side == english}
        yield number, row if partners is None else row | {"partners": partners.get(row["id"], [])}


def _partners(gold: Path, split: str, english: bool) -> dict[str, list[str]]:
    partners: dict[str, list[str]] = {}
    for _, names in _id_and_text(gold):
        sentence, other = reversed(names) if english else names
        partners.setdefault(f"{split}:{sentence.strip()}", []).append(f"{split}:{other.strip()}")
    return partners


def _id_and_text(path: Path) -> Iterator[tuple[int, tuple[str, str]]]:
    for number, line in numbered_lines(path):
        first, tab, second = line.partition("\t")
        if not tab:
            raise DataError(f"{path}:{number}: no tab", "lines of BUCC files have two tab-separated cells")
        yield number, (first, second)
