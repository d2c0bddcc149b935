"""What a page is made of. The template only lays these out."""

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One cell of a table. `href` leads to the artifacts behind a number."""

    text: str
    note: str = ""
    """Small print after the text: an interval, a code."""
    href: str = ""
    hint: str = ""
    """Shown to who points at it."""
    kind: Literal["text", "number", "missing", "absent", "head"] = "text"
    anchor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    text: str
    note: str = ""
    span: int = 1
    number: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    entries: tuple[Entry, ...]
    kind: Literal["", "mean", "apart", "primary"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`heads` are the rows of its header."""

    caption: str
    heads: tuple[tuple[Head, ...], ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    stacked: bool = False
    """Whether small print stands below its number: for tables of many columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    svg: Markup
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One entry of a legend."""

    colour: str
    glyph: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    caption: str
    panels: tuple[Panel, ...]
    keys: tuple[Key, ...] = ()
    small: bool = False
    """Whether the panels are small multiples, laid out in a grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with what belongs to it, in order."""

    anchor: str
    title: str
    lead: tuple[str, ...] = ()
    parts: tuple["Part", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collapsible:
    """What is closed until it is asked for, or until a link leads into it."""

    title: str
    parts: tuple["Part", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A text with links."""

    anchor: str
    text: str
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    anchor: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidebar:
    """Remarks that belong beside the numbers: weaknesses, overlaps."""

    title: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A small image as a data URI; empty where it cannot be shown, and `hint` says why."""

    source: str
    name: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an arm answered to an item."""

    answer: str
    right: bool
    runs: str
    """In how many of its runs it was right: "2/3"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One item with its pictures, and the answers of arms: intermediate arms by shots."""

    kind: str
    pictures: tuple[Picture, ...]
    text: str
    language: str
    gold: str
    """The right answer; empty where the picture is."""
    shots: tuple[str, ...]
    verdicts: tuple[tuple[str, tuple[Verdict | None, ...]], ...]
    """For each intermediate arm its verdicts, one for each of `shots`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """The cards of one language."""

    title: str
    note: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSection:
    caption: str
    rows: tuple[CardRow, ...]
    notes: tuple[str, ...]


Part = Table | Figure | Section | Collapsible | Listing | Sidebar | CardSection
