"""Schemes of span tags (IOB1, BIO, BIOES, BMES, BILOU): which one a file uses, and its tags as BIO.

The schemes are those of Ratinov and Roth (2009, "Design challenges and misconceptions in named entity recognition").
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Scheme = Literal["plain", "IOB1", "BIO", "BIOES", "BILOU"]
"""BIOES includes BMES and BMEWO, which use other letters. Plain tags have no prefix, such as parts of speech."""

_PREFIXED = re.compile(r"(?P<prefix>[BIESLUMW])[-_](?P<type>.+)", re.IGNORECASE | re.DOTALL)
_LETTERS: dict[Scheme, frozenset[str]] = {
    "BIO": frozenset("BI"),
    "BIOES": frozenset("BIMESW"),
    "BILOU": frozenset("BILU"),
}
_SINGLE, _LAST = frozenset("SUW"), frozenset("ELSUW")
"""Prefixes of a span of one word, and of the last word of a span."""
_OPEN, _CONTINUES = frozenset("BIM"), frozenset("IMEL")
"""Where spans are closed by a tag of their own: prefixes that need a next word, and that need a previous one."""


class TagError(ValueError):
    """Tags that cannot be read. `sentence` is the number of the first sentence concerned, from 0."""

    def __init__(self, sentence: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.sentence, self.message, self.hint = sentence, message, hint


@dataclass(frozen=True, slots=True, kw_only=True)
class BioTags:
    """The tags of all sentences of a file in BIO."""

    sentences: tuple[tuple[str, ...], ...]
    scheme: Scheme
    """The scheme of the file."""
    repaired: tuple[int, ...] = ()
    """In BIO: the sentences with a span that begins with I-, which was read as B-."""


def to_bio(sentences: Sequence[Sequence[str]]) -> BioTags:
    """The tags as BIO, by the scheme that all sentences together show.

    Raises TagError for class numbers, for spaCy's `-` (a word without alignment), and for a mixture of schemes.
    """
    parsed = [[_parse(tag) for tag in sentence] for sentence in sentences]
    scheme = _scheme(sentences, parsed)
    if scheme == "plain":
        return BioTags(sentences=tuple(map(tuple, sentences)), scheme=scheme)
    if scheme in ("BIOES", "BILOU"):
        for number, sentence in enumerate(parsed):
            _check_closed(number, sentence, scheme)
    bad_starts = [number for number, sentence in enumerate(parsed) if _starts_inside(sentence)]
    if scheme == "BIO" and bad_starts and not any(map(_begins_after_other, parsed)):
        scheme, bad_starts = "IOB1", []
    repaired = tuple(bad_starts) if scheme == "BIO" else ()
    return BioTags(sentences=tuple(map(_convert, parsed)), scheme=scheme, repaired=repaired)


_Tag = tuple[str, str]
"""Prefix and type; ("O", "") outside spans, ("", tag) without a prefix."""


def _parse(tag: str) -> _Tag:
    if tag in ("O", "o"):
        return "O", ""
    match = _PREFIXED.fullmatch(tag)
    return (match["prefix"].upper(), match["type"]) if match else ("", tag)


def _scheme(sentences: Sequence[Sequence[str]], parsed: Sequence[Sequence[_Tag]]) -> Scheme:
    tags = {tag: number for number in reversed(range(len(sentences))) for tag in sentences[number]}
    if "-" in tags:
        hint = "remove these sentences, or correct the offsets that the tags were made from"
        raise TagError(tags["-"], "the tag '-' is spaCy's mark for a word that no tag could be aligned with", hint)
    if tags and all(tag.lstrip("-").replace(".0", "").isdecimal() for tag in tags):
        hint = "give their names in order, as in `labels: {names: [O, B-PER, I-PER]}`"
        raise TagError(0, f"the tags are numbers ({', '.join(sorted(tags)[:4])}), not names", hint)
    prefixes = {prefix for sentence in parsed for prefix, _ in sentence} - {"O"}
    if prefixes <= {""}:
        return "plain"
    if "" in prefixes:
        bare = next(tag for tag in tags if _parse(tag)[0] == "")
        hint = "write the letter O for words outside spans" if bare == "0" else "give every tag a prefix, or none"
        raise TagError(tags[bare], f"{bare!r} has no prefix, but other tags have one", hint)
    for scheme, letters in _LETTERS.items():
        if prefixes <= letters:
            return scheme
    odd = next(tag for tag in tags if _parse(tag)[0] not in (*_LETTERS["BILOU"], "O"))
    raise TagError(
        tags[odd], f"the prefixes {', '.join(sorted(prefixes))} belong to more than one tag scheme", "use one scheme"
    )


def _check_closed(number: int, sentence: Sequence[_Tag], scheme: Scheme) -> None:
    """Raises TagError where a span neither ends nor goes on: BIO tags in a file of another scheme.

    The end of a sentence may cut a span off.
    """
    for (prefix, kind), (next_prefix, next_kind) in _pairs(sentence):
        is_open, continues = prefix in _OPEN, next_prefix in _CONTINUES
        if is_open != continues or (continues and kind != next_kind):
            message = (
                f"{_text(prefix, kind)} is followed by {_text(next_prefix, next_kind)}, which {scheme} does not allow"
            )
            raise TagError(number, message, "the file mixes tag schemes, or its spans are damaged: use one scheme")


def _text(prefix: str, kind: str) -> str:
    return f"{prefix}-{kind}" if kind else prefix


def _starts_inside(sentence: Sequence[_Tag]) -> bool:
    """Whether a span begins with I-."""
    return any(tag[0] == "I" and not _follows(previous, tag) for previous, tag in _pairs(sentence))


def _begins_after_other(sentence: Sequence[_Tag]) -> bool:
    """Whether B- begins a span that does not follow one of its own type, as IOB1 never writes it."""
    return any(tag[0] == "B" and not _follows(previous, tag) for previous, tag in _pairs(sentence))


def _pairs(sentence: Sequence[_Tag]) -> Iterable[tuple[_Tag, _Tag]]:
    return zip((("O", ""), *sentence), sentence, strict=False)


def _follows(previous: _Tag, tag: _Tag) -> bool:
    return previous[0] != "O" and previous[1] == tag[1]


def _convert(sentence: Sequence[_Tag]) -> tuple[str, ...]:
    tags = []
    for previous, (prefix, kind) in _pairs(sentence):
        if prefix == "O":
            tags.append("O")
            continue
        begins = prefix == "B" or prefix in _SINGLE or not _follows(previous, (prefix, kind)) or previous[0] in _LAST
        tags.append(f"{'B' if begins else 'I'}-{kind}")
    return tuple(tags)
