"""Labelled spans of characters as BIO tags of words."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from xstilts.errors import DataError
from xstilts.formats.notes import Notes
from xstilts.formats.words import Word, words_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A label on the code points `start` to `end` (exclusive). `text` is the export's copy of them, if it has one."""

    start: int
    end: int
    label: str
    text: str | None = None


def tag_words(
    text: str, spans: Sequence[Span], words: Sequence[Word] | None, where: str, line: int, notes: Notes
) -> Mapping[str, Any]:
    """`words` of a text and their BIO `tags`. The words are those of `words_of` unless given.

    A span that begins or ends inside a word covers the whole word (note `span-inside-word`). If two spans share a
    word, the word belongs to the first; a span without a word is dropped (note `span-without-word`). Raises DataError
    for overlapping spans, and for offsets that are outside of the text or counted in UTF-16 units.
    """
    words = list(words_of(text) if words is None else words)
    spans = sorted(spans, key=lambda span: (span.start, span.end))
    inside = {offset for start, end in words for offset in range(start + 1, end)}
    _check_offsets(text, spans, inside, where)
    for first, second in pairwise(spans):
        if second.start < first.end:
            message = f"{where}: the spans {_named(first)} and {_named(second)} overlap"
            raise DataError(message, "delete one of the two; a word can have only one tag")
    tags = ["O"] * len(words)
    position = 0
    for span in spans:
        while position < len(words) and words[position][1] <= span.start:
            position += 1
        last = position
        while last < len(words) and words[last][0] < span.end:
            tags[last] = f"{'B' if last == position else 'I'}-{span.label}"
            last += 1
        if last == position:
            notes.add("span-without-word", line, "spans without a word of their own were dropped")
        elif inside & {span.start, span.end}:
            notes.add("span-inside-word", line, "spans that begin or end inside a word were extended to the whole word")
        position = last
    return {"words": [text[start:end] for start, end in words], "tags": tags}


def _check_offsets(text: str, spans: Sequence[Span], inside: Set[int], where: str) -> None:
    """`inside` has the offsets between the characters of a word."""
    for span in spans:
        if 0 <= span.start < span.end <= len(text) and span.text in (None, text[span.start : span.end]):
            continue
        hint = "offsets count characters (code points) from 0, and the end is exclusive"
        if _fits_utf16(text, span):
            hint = f"the offsets are counted in UTF-16 units; {hint}"
        if span.start >= span.end:
            problem = "is empty"
        else:
            problem = "does not match the text" if span.start >= 0 and span.end <= len(text) else "is outside the text"
        raise DataError(f"{where}: the span {_named(span)} {problem}", hint)
    unaligned = next((span for span in spans if inside & {span.start, span.end}), None)
    if unaligned is None or text.isascii():
        return
    converted = [_from_utf16(text, span.start, span.end) for span in spans]
    if all(offsets and not inside & set(offsets) for offsets in converted):
        message = f"{where}: the span {_named(unaligned)} does not match the words of the text"
        raise DataError(message, "the offsets seem to be counted in UTF-16 units; count characters (code points)")


def _fits_utf16(text: str, span: Span) -> bool:
    converted = _from_utf16(text, span.start, span.end)
    return (
        converted is not None
        and converted != (span.start, span.end)
        and span.text in (None, text[converted[0] : converted[1]])
    )


def _from_utf16(text: str, start: int, end: int) -> Word | None:
    """The code points of a range of UTF-16 units; None if it is outside of the text or divides a character."""
    units = text.encode("utf-16-le")
    if not 0 <= start < end <= len(units) // 2:
        return None
    try:
        before, inside = units[: 2 * start].decode("utf-16-le"), units[2 * start : 2 * end].decode("utf-16-le")
    except UnicodeDecodeError:
        return None
    return len(before), len(before) + len(inside)


def _named(span: Span) -> str:
    return f"{span.start}-{span.end} ({span.label})"


def parse_span(start: Any, end: Any, label: Any, where: str, text: Any = None) -> Span:
    """A span from the values of a file. Raises DataError if they are not two whole numbers and a name."""
    if not all(_is_whole(value) for value in (start, end)):
        raise DataError(f"{where}: the offsets {start!r} and {end!r} are not whole numbers", "number the characters")
    if not isinstance(label, str) or not label.strip():
        raise DataError(f"{where}: a span has no label", "label it or delete it")
    return Span(start=int(start), end=int(end), label=label.strip(), text=text if isinstance(text, str) else None)


def _is_whole(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


def label_columns(names: Sequence[Any]) -> Mapping[str, Any]:
    """`labels`, and `label`: the name if there is exactly one, otherwise the list.

    A name with a separator of lists stays in a list, so that it cannot be read as several labels.
    """
    single = len(names) == 1 and not (isinstance(names[0], str) and set(names[0]) & set("|;,"))
    return {"labels": list(names), "label": names[0] if single else list(names)}


def listed(value: Any) -> list[Any]:
    """A list as it is, nothing for None, and any other value as a list of one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def note_relations(relations: Any, line: int, notes: Notes) -> None:
    if isinstance(relations, list) and relations:
        notes.add("relations-ignored", line, "relations between spans were ignored", count=len(relations))
