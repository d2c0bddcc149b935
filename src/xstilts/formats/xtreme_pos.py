"""Treebanks in CoNLL-U, converted to tagged words as XTREME does (Hu et al. 2020, arXiv 2003.11080).

The rules are those of its `conllu_to_conll.py --replace_subtokens_with_fused_forms` and `utils_preprocess.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xstilts.formats.conllu import PRECEDENCE, Cells, joined, sentences
from xstilts.formats.tables import Row

_PRECEDENCE: Mapping[str, Sequence[str]] = {
    "es": ("VERB", "AUX", "PRON", "ADP", "DET"),
    "fr": ("VERB", "AUX", "PRON", "NOUN", "ADJ", "ADV", "ADP", "DET", "PART", "SCONJ", "CONJ"),
    "it": ("VERB", "AUX", "ADV", "PRON", "ADP", "DET", "INTJ"),
}


def xtreme_treebank(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences as `words` and universal `tags`, and `withheld`: whether all words but at most one are "_".

    A multiword token ("zum") is one word. Its tag is that of its part with the fewest ancestors; of several, the one
    whose tag comes first in the order of the language, which the file name begins with. Spaces and zero-width
    non-joiners inside words are removed. Raises DataError as `xstilts.formats.conllu.sentences` does.
    """
    precedence = _PRECEDENCE.get(path.name.partition("_")[0], PRECEDENCE)
    for sentence in sentences(path):
        forms = [token.form.strip() for token in sentence.tokens]
        yield (
            sentence.line,
            {
                "words": [joined(form) for form in forms],
                "tags": [_tag(token.words, sentence.words, precedence) for token in sentence.tokens],
                "withheld": 0 < forms.count("_") >= len(forms) - 1,
            },
        )


def _tag(parts: Sequence[Cells], words: Mapping[str, Cells], precedence: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0][3].strip()
    counts = [_count_ancestors(part[0], words) for part in parts]
    tags = [part[3].strip() for part, count in zip(parts, counts, strict=True) if count == min(counts)]
    return min(tags, key=lambda tag: precedence.index(tag) if tag in precedence else len(precedence))


def _count_ancestors(word: str, words: Mapping[str, Cells]) -> int:
    """The number of nodes from which a word can be reached by basic or enhanced dependencies."""
    ancestors: set[str] = set()
    waiting = [word]
    while waiting:
        for head in _heads(words.get(waiting.pop())):
            if head not in ancestors:
                ancestors.add(head)
                waiting.append(head)
    return len(ancestors - {word})


def _heads(row: Cells | None) -> list[str]:
    if row is None:
        return []
    enhanced = [] if row[8] == "_" else [pair.partition(":")[0] for pair in row[8].split("|")]
    return [str(int(head)) for head in (row[6], *enhanced) if head.isascii() and head.isdecimal() and len(head) < 10]
