"""Readers of the file formats of benchmarks: rows with the line number on which each begins."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from xstilts.errors import DataError
from xstilts.formats.content import Row, read_text
from xstilts.formats.delimited import delimited_rows

Reader = Callable[[Path], Iterator[tuple[int, Row]]]


def headerless_tsv(*columns: str, optional: str = "") -> Reader:
    """A reader of tab-separated files without header and quoting. `optional` is a last column that a file may lack,
    such as withheld labels."""

    def read(path: Path) -> Iterator[tuple[int, Row]]:
        names = columns
        for number, line in _lines(path):
            cells = line.split("\t")
            if names == columns and optional and len(cells) == len(columns) + 1:
                names = (*columns, optional)
            if len(cells) != len(names):
                raise DataError(
                    f"{path}:{number}: {len(cells)} cells, expected {len(names)}: {', '.join(names)}",
                    "the file must be tab-separated, as the benchmark publishes it",
                )
            yield number, dict(zip(names, cells, strict=True))

    return read


def unquoted_tsv(path: Path) -> Iterator[tuple[int, Row]]:
    """Tab-separated rows with a header, without quoting (GLUE, XNLI)."""
    return delimited_rows(path, "\t", quoted=False)


def tagged_sentences(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences as `words` and `tags`: one word and its tag per line, tab-separated; a blank line ends a sentence.

    Files with only words have no `tags`. Consecutive blank lines count as one.
    """
    for first, lines in _blocks(path):
        cells = [line.split("\t") for line in lines]
        widths = {len(row) for row in cells}
        if len(widths) != 1 or widths > {1, 2}:
            offset = next(i for i, row in enumerate(cells) if len(row) != len(cells[0]) or len(row) > 2)
            raise DataError(f"{path}:{first + offset}: {len(cells[offset])} cells", "write a word, a tab and its tag")
        sentence: dict[str, Any] = {"words": [row[0] for row in cells]}
        yield first, sentence | ({"tags": [row[1] for row in cells]} if widths == {2} else {})


def conllu(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences of a CoNLL-U file as `words` and universal `tags`.

    As in XTREME's conversion, a multiword token ("zum") is one word. Its tag is that of its syntactic word nearest to
    the root; of several, the one whose tag comes first in `_PRECEDENCE`. Spaces and zero-width non-joiners inside words
    are removed.
    """
    for first, lines in _blocks(path):
        cells = [(first + offset, line.split("\t")) for offset, line in enumerate(lines) if not line.startswith("#")]
        for number, row in cells:
            if len(row) != 10:
                raise DataError(f"{path}:{number}: {len(row)} cells, CoNLL-U has 10", "fix the line")
        if tokens := _merge_multiword_tokens([row for _, row in cells]):
            words, tags = zip(*tokens, strict=True)
            yield first, {"words": list(words), "tags": list(tags)}


_PRECEDENCE = (
    "VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ", "AUX", "ADP", "DET", "PART", "CCONJ", "SCONJ", "X",
    "PUNCT",
)  # fmt: skip


def _merge_multiword_tokens(rows: list[list[str]]) -> list[tuple[str, str]]:
    """The tokens of a sentence, each with one tag."""
    words = {row[0]: row for row in rows if row[0].isdecimal()}
    spans = {row[0].partition("-")[0]: row for row in rows if "-" in row[0]}
    tokens, skip = [], 0
    for number, row in words.items():
        if int(number) <= skip:
            continue
        tag, form = row[3], row[1]
        if span := spans.get(number):
            skip = int(span[0].partition("-")[2])
            syntactic = [words[str(n)] for n in range(int(number), skip + 1) if str(n) in words]
            tag, form = min(syntactic, key=lambda word: (_depth(word, words), _rank(word[3])))[3], span[1]
        tokens.append((form.replace(" ", "").replace("\u200c", ""), tag))
    return tokens


def _depth(row: list[str], words: Mapping[str, list[str]]) -> int:
    """The number of words between this word and the root."""
    ancestors: set[str] = set()
    while row[6] in words and row[6] not in ancestors:
        ancestors.add(row[6])
        row = words[row[6]]
    return len(ancestors)


def _rank(tag: str) -> int:
    return _PRECEDENCE.index(tag) if tag in _PRECEDENCE else len(_PRECEDENCE)


def aligned_files(suffix: str) -> Reader:
    """A reader of two line-aligned files: `text` from the file, `english` from the file with `suffix` instead."""

    def read(path: Path) -> Iterator[tuple[int, Row]]:
        other = path.with_suffix(suffix)
        lines, english_lines = list(_lines(path, blank=True)), list(_lines(other, blank=True))
        if len(lines) != len(english_lines):
            raise DataError(
                f"{path} has {len(lines)} lines, but {other.name} has {len(english_lines)}", "line n translates line n"
            )
        for (number, text), (_, english) in zip(lines, english_lines, strict=True):
            yield number, {"text": text, "english": english}

    return read


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
    for number, line in _lines(path):
        first, tab, second = line.partition("\t")
        if not tab:
            raise DataError(f"{path}:{number}: no tab", "lines of BUCC files have two tab-separated cells")
        yield number, (first, second)


def _lines(path: Path, *, blank: bool = False) -> Iterator[tuple[int, str]]:
    """The lines with their numbers. Blank lines are skipped unless `blank`; a blank last line always is."""
    lines = read_text(path).split("\n")
    if lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if blank or line.strip():
            yield number, line.removesuffix("\r")


def _blocks(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Blocks of lines between blank lines, each with the number of its first line."""
    block: list[str] = []
    number = 0
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            block.append(line.removesuffix("\r"))
        elif block:
            yield number - len(block), block
            block = []
    if block:
        yield number - len(block) + 1, block
