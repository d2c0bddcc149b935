"""Projects an answer into the translation of its context. Pure functions on texts and offsets.

Mark-then-translate after Chen et al. (2023, Frustratingly Easy Label Projection for Cross-lingual Transfer,
arXiv 2211.15613): the answer is put between markers, the context is translated, and the answer is extracted again.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from xstilts.formats.words import split_words
from xstilts.problems import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Markers:
    """A pair of markers, and patterns of the forms that they may have after translation."""

    opening: str
    closing: str
    opening_pattern: re.Pattern[str]
    closing_pattern: re.Pattern[str]

    @property
    def name(self) -> str:
        return f"{self.opening} {self.closing}"


_QUOTES = re.compile('["“”„‟«»＂「」『』]')

MARKER_STYLES = (
    Markers(
        opening="[",
        closing="]",
        opening_pattern=re.compile(r"[\[［【]"),
        closing_pattern=re.compile(r"[\]］】]"),
    ),
    Markers(
        opening="<a>",
        closing="</a>",
        opening_pattern=re.compile(r"<\s*a\s*>", re.I),
        closing_pattern=re.compile(r"<\s*/\s*a\s*>", re.I),
    ),
    Markers(opening='"', closing='"', opening_pattern=_QUOTES, closing_pattern=_QUOTES),
)
"""Tried in this order."""


def add_markers(text: str, answer: Answer, markers: Markers) -> str | None:
    """The text with its answer between markers, or None if the text already contains such markers."""
    if markers.opening_pattern.search(text) or markers.closing_pattern.search(text):
        return None
    end = answer.start + len(answer.text)
    return f"{text[: answer.start]}{markers.opening}{answer.text}{markers.closing}{text[end:]}"


def extract_answer(translated: str, markers: Markers) -> tuple[str, Answer] | None:
    """The text without its markers, and the answer between them.

    None unless each marker occurs exactly once, in order, with text between them.
    """
    openings, closings = (
        list(pattern.finditer(translated)) for pattern in (markers.opening_pattern, markers.closing_pattern)
    )
    if markers.opening_pattern is markers.closing_pattern:
        openings, closings = openings[:1], openings[1:]
    if len(openings) != 1 or len(closings) != 1 or openings[0].end() > closings[0].start():
        return None
    before, after = translated[: openings[0].start()], translated[closings[0].end() :]
    marked = translated[openings[0].end() : closings[0].start()]
    answer = marked.strip()
    if not answer:
        return None
    if marked[0].isspace() and before and not before[-1].isspace():
        before += " "
    if marked[-1].isspace() and after[:1].isalnum():
        after = f" {after}"
    return f"{before}{answer}{after}", Answer(text=answer, start=len(before))


def find_answer(text: str, answer: str) -> Answer | None:
    """Find `answer` at the start of a word in `text`: exactly, else ignoring case, else ignoring accents; then the same
    without a final full stop.

    An occurrence that ends at a word boundary is preferred; of several, the first is returned.
    """
    starts = {start for _, start in split_words(text)}
    for target in dict.fromkeys((answer.strip(), answer.strip().strip(".。।").strip())):
        for fold in (str, str.casefold, _base_character):
            occurrences = list(_occurrences(text, target, fold, starts))
            if occurrences:
                start, end, _ = min(occurrences, key=lambda occurrence: (not occurrence[2], occurrence[0]))
                return Answer(text=text[start:end], start=start)
    return None


def sentence_spans(text: str) -> tuple[tuple[int, int], ...]:
    """The (start, end) of each sentence of a text, without surrounding white space.

    A sentence ends at a full stop, question or exclamation mark before a space and a capital letter, or at a line end.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for gap in _GAP.finditer(text):
        if "\n" in gap[0] or not _ends_with_abbreviation(text[start : gap.start()]):
            spans.append((start, gap.start()))
            start = gap.end()
    spans.append((start, len(text)))
    return tuple(_trim(text, *span) for span in spans if text[slice(*span)].strip())


_GAP = re.compile(r"""(?:(?<=[.!?])|(?<=[.!?]["'”’)\]]))\s+(?=["'“‘(\[]*[^\W_a-z])|\s*\n\s*""")
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr st no vs jr sr prof gen sen rep lt col capt mt ft fig vol approx etc".split()  # noqa: SIM905
)


def _ends_with_abbreviation(sentence: str) -> bool:
    """Whether the full stop at the end belongs to an abbreviation or an initial."""
    last = sentence.rpartition(" ")[2]
    if not last.endswith("."):
        return False
    word = last.rstrip(".").lstrip("(\"'“‘[")
    return word.casefold() in _ABBREVIATIONS or (len(word) == 1 and word.isupper()) or "." in word


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    span = text[start:end]
    return start + len(span) - len(span.lstrip()), start + len(span.rstrip())


def _occurrences(
    text: str, target: str, fold: Callable[[str], str], starts: set[int]
) -> Iterator[tuple[int, int, bool]]:
    """Start and end of each occurrence at the start of a word, and whether it ends at a word boundary."""
    folded, positions = "", []
    for position, character in enumerate(text):
        folded += fold(character)
        positions += [position] * (len(folded) - len(positions))
    needle = "".join(map(fold, target))
    match = folded.find(needle) if needle else -1
    while match >= 0:
        start, end = positions[match], positions[match + len(needle) - 1] + 1
        while end < len(text) and not fold(text[end]):
            end += 1
        if start in starts or not (start and text[start - 1].isalnum()):
            yield start, end, end in starts or not text[end : end + 1].isalnum()
        match = folded.find(needle, match + 1)


def _base_character(character: str) -> str:
    """The character without case, width and accents; any white space becomes a space."""
    if character.isspace():
        return " "
    decomposed = unicodedata.normalize("NFKD", character)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).casefold()
