"""Sentences of CoNLL-U files, as XTREME converts them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xstilts.errors import DataError
from xstilts.formats.content import Row
from xstilts.formats.text_lines import blocks
from xstilts.plurals import plural

_ID = re.compile(r"(?P<word>[1-9][0-9]{0,8})(-(?P<last>[1-9][0-9]{0,8}))?")
_EMPTY_NODE = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}")
PRECEDENCE = (
    "VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ", "AUX", "ADP", "DET", "PART", "CCONJ", "SCONJ", "X",
    "PUNCT",
)  # fmt: skip
"""The order in which XTREME's conversion prefers the tags of a multiword token's words."""

Cells = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A word, or a multiword token ("zum") with its syntactic words."""

    form: str
    words: Sequence[Cells]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    line: int
    """The first line."""
    tokens: Sequence[Token]
    words: Mapping[str, Cells]
    """The rows of the syntactic words by their ids."""


def sentences(path: Path) -> Iterator[Sentence]:
    """The sentences of a CoNLL-U file; empty nodes are left out.

    Raises DataError, with the line, unless each line has 10 columns, words are numbered from 1, and multiword tokens
    span words of the sentence.
    """
    for first, lines in blocks(path):
        rows = [(number, line.split("\t")) for number, line in enumerate(lines, first) if not line.startswith("#")]
        for number, row in rows:
            if len(row) != 10:
                raise DataError(f"{path}:{number}: {plural(len(row), 'column')}, CoNLL-U has 10", "fix the line")
        words = {row[0]: row for _, row in rows if row[0].isdecimal()}
        if tokens := tuple(_tokens(path, rows, words)):
            yield Sentence(line=first, tokens=tokens, words=words)


def conllu(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences of a CoNLL-U file as `words`, `tags` (universal), `lemmas` and `xpos`.

    As in XTREME's conversion, a multiword token ("zum") is one word. Its tags and lemma are those of its syntactic word
    nearest to the root; of several, the one whose tag comes first in `PRECEDENCE`. Spaces and zero-width non-joiners
    inside words are removed. Raises DataError as `sentences` does.
    """
    for sentence in sentences(path):
        rows = [
            min(token.words, key=lambda word: (_depth(word, sentence.words), _rank(word[3])))
            for token in sentence.tokens
        ]
        yield (
            sentence.line,
            {
                "words": [joined(token.form) for token in sentence.tokens],
                "tags": [row[3] for row in rows],
                "lemmas": [row[2] for row in rows],
                "xpos": [row[4] for row in rows],
            },
        )


def joined(form: str) -> str:
    """The form without spaces and zero-width non-joiners."""
    return form.replace(" ", "").replace("\u200c", "")


def is_id_sequence(column: Sequence[str]) -> bool:
    """Whether a column numbers words as CoNLL-U does: from 1, with ranges and empty nodes in between."""
    words = [name for name in column if "-" not in name and "." not in name]
    return (
        words == [str(number) for number in range(1, len(words) + 1)]
        and all(_ID.fullmatch(name) or _EMPTY_NODE.fullmatch(name) for name in column)
        and bool(words)
    )


def _tokens(path: Path, rows: Sequence[tuple[int, Cells]], words: Mapping[str, Cells]) -> Iterator[Token]:
    word, end = 0, 0
    for number, row in rows:
        match = _ID.fullmatch(row[0])
        if match is None and _EMPTY_NODE.fullmatch(row[0]):
            continue
        first, last = (int(match["word"]), int(match["last"] or match["word"])) if match else (0, 0)
        in_sentence = all(str(part) in words for part in range(first, min(last, first + len(words)) + 1))
        if first != word + 1 or last < first or not in_sentence or (match and match["last"] and first <= end):
            message = f"{path}:{number}: the id {row[0]!r} does not follow {word}"
            raise DataError(message, "number the words of a sentence from 1, and end it with a blank line")
        if match and match["last"]:
            end = last
            yield Token(form=row[1], words=[words[str(part)] for part in range(first, last + 1)])
        else:
            word = first
            if word > end:
                yield Token(form=row[1], words=[row])


def _depth(row: Cells, words: Mapping[str, Cells]) -> int:
    """The number of words between this word and the root."""
    seen: set[str] = set()
    while row[6] in words and row[6] not in seen:
        seen.add(row[6])
        row = words[row[6]]
    return len(seen)


def _rank(tag: str) -> int:
    return PRECEDENCE.index(tag) if tag in PRECEDENCE else len(PRECEDENCE)
