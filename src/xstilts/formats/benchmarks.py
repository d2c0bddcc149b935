"""The layouts that benchmarks publish their files in, each as rows with the line on which a row begins."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from xstilts.errors import DataError
from xstilts.formats.tables import Row, read_text, separated

Reader = Callable[[Path], Iterator[tuple[int, Row]]]


def headerless(*columns: str, optional: str = "") -> Reader:
    """Lines of cells between tabs, without header and without quoting. A file may lack the column `optional`, which
    is the last, as one does whose labels were taken off."""

    def read(path: Path) -> Iterator[tuple[int, Row]]:
        names = columns
        for number, line in _lines(path):
            cells = line.split("\t")
            if names == columns and optional and len(cells) == len(columns) + 1:
                names = (*columns, optional)
            if len(cells) != len(names):
                raise DataError(
                    f"{path}:{number}: {len(cells)} cells, expected {len(names)}: {', '.join(names)}",
                    "the cells of a line stand between tabs; this is not the layout that the benchmark publishes",
                )
            yield number, dict(zip(names, cells, strict=True))

    return read


def unquoted(path: Path) -> Iterator[tuple[int, Row]]:
    """Cells between tabs under a header, where a quotation mark is a character like any other (GLUE, XNLI)."""
    return separated(path, "\t", quoted=False)


def questions(path: Path) -> Iterator[tuple[int, Row]]:
    """A row for each question of a file in SQuAD's layout: `id`, `title`, `question`, `context`, `answer_text` and
    `answer_start` (lists; empty where a question is marked impossible, absent where no answers are given)."""
    text = read_text(path)
    try:
        articles = json.loads(text)["data"]
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON: {error.msg}", _SQUAD) from None
    except (KeyError, TypeError):
        raise DataError(f"{path}:1: there is no `data`", _SQUAD) from None
    at, line = 0, 1
    for number, article in enumerate(articles, start=1):
        try:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    found = max(at, text.find(json.dumps(question["id"]), at))
                    line += text.count("\n", at, found)
                    at = found
                    yield line, _question(article, paragraph, question)
        except (KeyError, TypeError) as error:
            raise DataError(f"{path}:{line}: article {number} lacks {error}", _SQUAD) from None


_SQUAD = "SQuAD's layout is data > paragraphs > qas, each with id, question and answers"


def _question(article: Mapping[str, Any], paragraph: Mapping[str, Any], question: Mapping[str, Any]) -> Row:
    row = {
        "id": str(question["id"]),
        "title": article.get("title", ""),
        "question": question["question"],
        "context": paragraph["context"],
    }
    answers = question.get("answers")
    if question.get("is_impossible"):
        answers = []
    if answers is None:
        return row
    return row | {"answer_text": [a["text"] for a in answers], "answer_start": [a["answer_start"] for a in answers]}


def tagged(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences of a word and its tag a line, between tabs, a blank line after each: `words` and `tags`.

    A file whose lines hold the word alone has no `tags`. Blank lines in a row are one.
    """
    for first, lines in _blocks(path):
        cells = [line.split("\t") for line in lines]
        widths = {len(parts) for parts in cells}
        if len(widths) != 1 or widths > {1, 2}:
            wrong = next(i for i, parts in enumerate(cells) if len(parts) != len(cells[0]) or len(parts) > 2)
            raise DataError(f"{path}:{first + wrong}: {len(cells[wrong])} cells", "write a word, a tab and its tag")
        row: dict[str, Any] = {"words": [parts[0] for parts in cells]}
        yield first, row | ({"tags": [parts[1] for parts in cells]} if widths == {2} else {})


def conllu(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences of CoNLL-U: `words` and their universal `tags`.

    As XTREME's conversion does it, a token of several syntactic words ("zum") is one word, tagged as the word among
    them that is nearest to the root; of several such, as the one whose tag comes first in `_PRECEDENCE`. Spaces and
    zero-width non-joiners inside words are dropped.
    """
    for first, lines in _blocks(path):
        cells = [(first + offset, line.split("\t")) for offset, line in enumerate(lines) if not line.startswith("#")]
        for number, row in cells:
            if len(row) != 10:
                raise DataError(f"{path}:{number}: {len(row)} cells, CoNLL-U has 10", "mend the line")
        if found := _fused([row for _, row in cells]):
            words, tags = zip(*found, strict=True)
            yield first, {"words": list(words), "tags": list(tags)}


_PRECEDENCE = (
    "VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ", "AUX", "ADP", "DET", "PART", "CCONJ", "SCONJ", "X",
    "PUNCT",
)  # fmt: skip


def _fused(rows: list[list[str]]) -> list[tuple[str, str]]:
    """The tokens of a sentence with one tag each."""
    words = {row[0]: row for row in rows if row[0].isdecimal()}
    spans = {row[0].partition("-")[0]: row for row in rows if "-" in row[0]}
    found, skip = [], 0
    for number, row in words.items():
        if int(number) <= skip:
            continue
        tag, form = row[3], row[1]
        if span := spans.get(number):
            skip = int(span[0].partition("-")[2])
            parts = [words[str(n)] for n in range(int(number), skip + 1) if str(n) in words]
            tag, form = min(parts, key=lambda part: (_depth(part, words), _rank(part[3])))[3], span[1]
        found.append((form.replace(" ", "").replace("\u200c", ""), tag))
    return found


def _depth(row: list[str], words: Mapping[str, list[str]]) -> int:
    """How many words stand between this one and the root."""
    seen: set[str] = set()
    while row[6] in words and row[6] not in seen:
        seen.add(row[6])
        row = words[row[6]]
    return len(seen)


def _rank(tag: str) -> int:
    return _PRECEDENCE.index(tag) if tag in _PRECEDENCE else len(_PRECEDENCE)


def beside(suffix: str) -> Reader:
    """Aligned lines of two files: `text` from the file, `english` from the one that ends in `suffix` instead."""

    def read(path: Path) -> Iterator[tuple[int, Row]]:
        other = path.with_suffix(suffix)
        here, there = list(_lines(path, blank=True)), list(_lines(other, blank=True))
        if len(here) != len(there):
            raise DataError(
                f"{path} has {len(here)} lines, but {other.name} has {len(there)}", "line n translates line n"
            )
        for (number, text), (_, english) in zip(here, there, strict=True):
            yield number, {"text": text, "english": english}

    return read


def comparable(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences of one of two collections in BUCC's layout: `id`, `text`, `english` (whether they are) and `partners`.

    The collections are xx-en.SPLIT.xx and xx-en.SPLIT.en, lines of an id, a tab and a sentence; the pairs of ids that
    translate each other are in xx-en.SPLIT.gold, the English one second. Without it there are no `partners`. An id
    gets the name of the split before it, because splits number their sentences alike.
    """
    pair, _, split = path.stem.partition(".")
    foreign, _, english = pair.partition("-")
    side = path.suffix.removeprefix(".")
    if side not in (foreign, english):
        return
    gold = path.with_suffix(".gold")
    partners = _partners(gold, split, side == english) if gold.is_file() else None
    for number, (name, text) in _two_cells(path):
        row = {"id": f"{split}:{name}", "text": text, "english": side == english}
        yield number, row if partners is None else row | {"partners": partners.get(row["id"], [])}


def _partners(gold: Path, split: str, english: bool) -> dict[str, list[str]]:
    partners: dict[str, list[str]] = {}
    for _, names in _two_cells(gold):
        own, other = reversed(names) if english else names
        partners.setdefault(f"{split}:{own.strip()}", []).append(f"{split}:{other.strip()}")
    return partners


def _two_cells(path: Path) -> Iterator[tuple[int, tuple[str, str]]]:
    for number, line in _lines(path):
        first, tab, second = line.partition("\t")
        if not tab:
            raise DataError(f"{path}:{number}: there is no tab", "BUCC's lines are two cells with a tab between them")
        yield number, (first, second)


def _lines(path: Path, *, blank: bool = False) -> Iterator[tuple[int, str]]:
    """The lines and their numbers; those of white space alone only if `blank`, but never the last one."""
    lines = read_text(path).split("\n")
    if lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if blank or line.strip():
            yield number, line.removesuffix("\r")


def _blocks(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines between blank ones, with the number of the first."""
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
