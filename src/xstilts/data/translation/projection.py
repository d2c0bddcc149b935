"""An answer carried over into the translation of its context. Pure: texts in, texts and offsets out.

Mark-then-translate after Chen et al. (2023, Frustratingly Easy Label Projection for Cross-lingual Transfer,
arXiv 2211.15613): the answer stands between markers while its context is translated, and is read off afterwards.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from xstilts.problems import Answer
from xstilts.problems.words import split_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Markers:
    """A pair of markers, and the forms in which a translation may give them back."""

    opening: str
    closing: str
    opened: re.Pattern[str]
    closed: re.Pattern[str]

    @property
    def name(self) -> str:
        return f"{self.opening} {self.closing}"


_QUOTES = re.compile('["“”„‟«»＂「」『』]')

STYLES = (
    Markers(opening="[", closing="]", opened=re.compile(r"[\[［【]"), closed=re.compile(r"[\]］】]")),
    Markers(
        opening="<a>", closing="</a>", opened=re.compile(r"<\s*a\s*>", re.I), closed=re.compile(r"<\s*/\s*a\s*>", re.I)
    ),
    Markers(opening='"', closing='"', opened=_QUOTES, closed=_QUOTES),
)
"""In the order in which they are tried."""


def mark(text: str, answer: Answer, markers: Markers) -> str | None:
    """The text with its answer between markers, or None where it holds such markers of its own."""
    if markers.opened.search(text) or markers.closed.search(text):
        return None
    end = answer.start + len(answer.text)
    return f"{text[: answer.start]}{markers.opening}{answer.text}{markers.closing}{text[end:]}"


def read_off(translated: str, markers: Markers) -> tuple[str, Answer] | None:
    """The text without its markers, and the answer that stood between them.

    None unless each marker stands there once, in their order, with something between them.
    """
    opened, closed = list(markers.opened.finditer(translated)), list(markers.closed.finditer(translated))
    if markers.opened is markers.closed:
        opened, closed = opened[:1], opened[1:]
    if len(opened) != 1 or len(closed) != 1 or opened[0].end() > closed[0].start():
        return None
    before, after = translated[: opened[0].start()], translated[closed[0].end() :]
    inside = translated[opened[0].end() : closed[0].start()]
    answer = inside.strip()
    if not answer:
        return None
    if inside[0].isspace() and before and not before[-1].isspace():
        before += " "
    if inside[-1].isspace() and after[:1].isalnum():
        after = f" {after}"
    return f"{before}{answer}{after}", Answer(text=answer, start=len(before))


def find(text: str, answer: str) -> Answer | None:
    """Where `answer` begins a word of `text`: as it is, else whatever its case, else its accents and full stop.

    One that ends with a word is preferred to one that goes on; of several the first is taken.
    """
    starts = {start for _, start in split_words(text)}
    for wanted in dict.fromkeys((answer.strip(), answer.strip().strip(".。।").strip())):
        for fold in (str, str.casefold, _bare):
            found = list(_occurrences(text, wanted, fold, starts))
            if found:
                start, end, _ = min(found, key=lambda place: (not place[2], place[0]))
                return Answer(text=text[start:end], start=start)
    return None


def sentences(text: str) -> tuple[tuple[int, int], ...]:
    """Where the sentences of a text begin and end, without the space between them.

    They end at a full stop, question or exclamation mark before a space and a capital, and at the end of a line.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for gap in _GAP.finditer(text):
        if "\n" in gap[0] or not _abbreviates(text[start : gap.start()]):
            spans.append((start, gap.start()))
            start = gap.end()
    spans.append((start, len(text)))
    return tuple(_trimmed(text, *span) for span in spans if text[slice(*span)].strip())


_GAP = re.compile(r"""(?:(?<=[.!?])|(?<=[.!?]["'”’)\]]))\s+(?=["'“‘(\[]*[^\W_a-z])|\s*\n\s*""")
_ABBREVIATIONS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "st",
        "no",
        "vs",
        "jr",
        "sr",
        "prof",
        "gen",
        "sen",
        "rep",
        "lt",
        "col",
        "capt",
        "mt",
        "ft",
        "fig",
        "vol",
        "approx",
        "etc",
    ]
)


def _abbreviates(sentence: str) -> bool:
    """Whether the full stop at the end belongs to an abbreviation or an initial."""
    last = sentence.rpartition(" ")[2]
    if not last.endswith("."):
        return False
    word = last.rstrip(".").lstrip("(\"'“‘[")
    return word.casefold() in _ABBREVIATIONS or (len(word) == 1 and word.isupper()) or "." in word


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    inside = text[start:end]
    return start + len(inside) - len(inside.lstrip()), start + len(inside.rstrip())


def _occurrences(
    text: str, wanted: str, fold: Callable[[str], str], starts: set[int]
) -> Iterator[tuple[int, int, bool]]:
    """Begin and end of each occurrence that begins a word, and whether it ends with one."""
    folded, places = "", []
    for place, character in enumerate(text):
        folded += fold(character)
        places += [place] * (len(folded) - len(places))
    needle = "".join(map(fold, wanted))
    at = folded.find(needle) if needle else -1
    while at >= 0:
        start, end = places[at], places[at + len(needle) - 1] + 1
        while end < len(text) and not fold(text[end]):
            end += 1
        if start in starts or not (start and text[start - 1].isalnum()):
            yield start, end, end in starts or not text[end : end + 1].isalnum()
        at = folded.find(needle, at + 1)


def _bare(character: str) -> str:
    """Without case, width and accents; white space is a space."""
    if character.isspace():
        return " "
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()
