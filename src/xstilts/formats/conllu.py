"""Sentences of CoNLL-U files, as XTREME converts them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xstilts.errors import DataError
from xstilts.formats.content import Row
from xstilts.formats.text_lines import blocks
from xstilts.plurals import plural

_ID = re.compile(r"(?P<word>[1-9][0-9]{0,8})(-(?P<last>[1-9][0-9]{0,8}))?")
_EMPTY_NODE = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}")
_PRECEDENCE = (
    "VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ", "AUX", "ADP", "DET", "PART", "CCONJ", "SCONJ", "X",
    "PUNCT",
)  # fmt: skip

Cells = Sequence[str]


def conllu(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences of a CoNLL-U file as `words`, `tags` (universal), `lemmas` and `xpos`.

    As in XTREME's conversion, a multiword token ("zum") is one word. Its tags and lemma are those of its syntactic word
    nearest to the root; of several, the one whose tag comes first in `_PRECEDENCE`. Spaces and zero-width non-joiners
    inside words are removed.

    Raises DataError, with the line, unless each line has 10 columns, words are numbered from 1, and multiword tokens
    span words of the sentence.
    """
    for first, lines in blocks(path):
        rows = [(number, line.split("\t")) for number, line in enumerate(lines, first) if not line.startswith("#")]
        for number, row in rows:
            if len(row) != 10:
                raise DataError(f"{path}:{number}: {plural(len(row), 'column')}, CoNLL-U has 10", "fix the line")
        if tokens := _merge_multiword_tokens(path, rows):
            forms, representatives = zip(*tokens, strict=True)
            yield (
                first,
                {
                    "words": list(forms),
                    "tags": [row[3] for row in representatives],
                    "lemmas": [row[2] for row in representatives],
                    "xpos": [row[4] for row in representatives],
                },
            )


def is_id_sequence(column: Sequence[str]) -> bool:
    """Whether a column numbers words as CoNLL-U does: from 1, with ranges and empty nodes in between."""
    words = [name for name in column if "-" not in name and "." not in name]
    return (
        words == [str(number) for number in range(1, len(words) + 1)]
        and all(_ID.fullmatch(name) or _EMPTY_NODE.fullmatch(name) for name in column)
        and bool(words)
    )


def _merge_multiword_tokens(path: Path, rows: Sequence[tuple[int, Cells]]) -> list[tuple[str, Cells]]:
    """The form of each token of a sentence, and the row of the word that represents it."""
    words = {row[0]: row for _, row in rows if row[0].isdecimal()}
    tokens: list[tuple[str, Cells]] = []
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
            parts = [words[str(part)] for part in range(first, last + 1)]
            tokens.append((row[1], min(parts, key=lambda part: (_depth(part, words), _rank(part[3])))))
        else:
            word = first
            if word > end:
                tokens.append((row[1], row))
    return [(form.replace(" ", "").replace("\u200c", ""), row) for form, row in tokens]


def _depth(row: Cells, words: Mapping[str, Cells]) -> int:
    """The number of words between this word and the root."""
    seen: set[str] = set()
    while row[6] in words and row[6] not in seen:
        seen.add(row[6])
        row = words[row[6]]
    return len(seen)


def _rank(tag: str) -> int:
    return _PRECEDENCE.index(tag) if tag in _PRECEDENCE else len(_PRECEDENCE)
