"""Treebanks in CoNLL-U, converted to tagged words as XTREME does (Hu et al. 2020, arXiv 2003.11080).

The rules are those of its `conllu_to_conll.py --replace_subtokens_with_fused_forms` and `utils_preprocess.py`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xstilts.errors import DataError
from xstilts.formats.tables import Row
from xstilts.formats.text_lines import blocks
from xstilts.plurals import plural

_DEFAULT = (
    "VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ", "AUX", "ADP", "DET", "PART", "CCONJ", "SCONJ", "X",
    "PUNCT",
)  # fmt: skip
_PRECEDENCE: Mapping[str, Sequence[str]] = {
    "es": ("VERB", "AUX", "PRON", "ADP", "DET"),
    "fr": ("VERB", "AUX", "PRON", "NOUN", "ADJ", "ADV", "ADP", "DET", "PART", "SCONJ", "CONJ"),
    "it": ("VERB", "AUX", "ADV", "PRON", "ADP", "DET", "INTJ"),
}
_ID = re.compile(r"([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?|[0-9]+\.[0-9]+")

Cells = Sequence[str]


def xtreme_treebank(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences as `words` and universal `tags`, and `withheld`: whether all words but at most one are "_".

    A multiword token ("zum") is one word. Its tag is that of its part with the fewest ancestors; of several, the one
    whose tag comes first in the order of the language, which the file name begins with. Spaces and zero-width
    non-joiners inside words are removed. Raises DataError, with the line, for rows without 10 columns and ids that do
    not number the words.
    """
    precedence = _PRECEDENCE.get(path.name.partition("_")[0], _DEFAULT)
    for first, lines in blocks(path):
        rows = [(first + offset, line.split("\t")) for offset, line in enumerate(lines) if not line.startswith("#")]
        for number, row in rows:
            if len(row) != 10:
                raise DataError(f"{path}:{number}: {plural(len(row), 'column')}, CoNLL-U has 10", "fix the line")
        if tokens := _tokens(path, rows, precedence):
            forms = [form.strip() for form, _ in tokens]
            yield (
                first,
                {
                    "words": [form.replace(" ", "").replace("\u200c", "") for form in forms],
                    "tags": [tag for _, tag in tokens],
                    "withheld": 0 < forms.count("_") >= len(forms) - 1,
                },
            )


def _tokens(path: Path, rows: Sequence[tuple[int, Cells]], precedence: Sequence[str]) -> list[tuple[str, str]]:
    """The form and tag of each token of a sentence."""
    words = {int(row[0]): row for _, row in rows if row[0].isascii() and row[0].isdecimal()}
    tokens: list[tuple[str, str]] = []
    word = end = 0
    for number, row in rows:
        match = _ID.fullmatch(row[0])
        if match is not None and match[1] is None:
            continue
        start, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        is_range = match is not None and match[2] is not None
        if start != word + 1 or not start <= last <= len(words) or (is_range and start <= end):
            raise DataError(
                f"{path}:{number}: the id {row[0]!r} does not follow {word}",
                "number the words of a sentence from 1, and end it with a blank line",
            )
        if is_range:
            end = last
            tokens.append((row[1], _tag(range(start, last + 1), words, precedence)))
        else:
            word = start
            if word > end:
                tokens.append((row[1], row[3].strip()))
    return tokens


def _tag(span: range, words: Mapping[int, Cells], precedence: Sequence[str]) -> str:
    counts = {number: _count_ancestors(number, words) for number in span}
    tags = [words[number][3].strip() for number in span if counts[number] == min(counts.values())]
    return min(tags, key=lambda tag: precedence.index(tag) if tag in precedence else len(precedence))


def _count_ancestors(word: int, words: Mapping[int, Cells]) -> int:
    """The number of nodes from which a word can be reached by basic or enhanced dependencies."""
    ancestors: set[int] = set()
    waiting = [word]
    while waiting:
        for head in _heads(words.get(waiting.pop())):
            if head not in ancestors:
                ancestors.add(head)
                waiting.append(head)
    return len(ancestors - {word})


def _heads(row: Cells | None) -> list[int]:
    if row is None:
        return []
    enhanced = [] if row[8] == "_" else [pair.partition(":")[0] for pair in row[8].split("|")]
    return [int(head) for head in (row[6], *enhanced) if head.isascii() and head.isdecimal() and len(head) < 10]
