"""The components of a page, which the template renders."""

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One cell of a table. `href` links to the artifacts that a number was computed from."""

    text: str
    note: str = ""
    """Small print after the text: an interval, a code."""
    href: str = ""
    tooltip: str = ""
    """Shown on hover."""
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
    kind: Literal["", "mean", "muted", "primary"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`heads` are the rows of the header."""

    caption: str
    heads: tuple[tuple[Head, ...], ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    stacked: bool = False
    """Whether small print is placed below its number, for tables with many columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    svg: Markup
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendEntry:
    colour: str
    glyph: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    caption: str
    panels: tuple[Panel, ...]
    legend: tuple[LegendEntry, ...] = ()
    small: bool = False
    """Whether the panels are small multiples, laid out in a grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading followed by paragraphs and components."""

    anchor: str
    title: str
    lead: tuple[str, ...] = ()
    parts: tuple["Component", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collapsible:
    """Components that are collapsed until opened, or until a link leads into them."""

    title: str
    parts: tuple["Component", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLine:
    """A text followed by links."""

    anchor: str
    text: str
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    anchor: str
    title: str
    lines: tuple[LinkLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidebar:
    """Remarks on the numbers, such as limitations and overlaps."""

    title: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A small image as a data URI; empty if it cannot be shown, and `tooltip` says why."""

    source: str
    name: str
    tooltip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAnswer:
    """An arm's answer to an item."""

    answer: str
    right: bool
    right_of_total: str
    """The number of runs with the right answer: "2/3"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One item with its images, and a table of the arms' answers: intermediate arms by shots."""

    kind: str
    images: tuple[Thumbnail, ...]
    text: str
    language: str
    gold: str
    """The right answer; empty for captions, whose right answer is the image."""
    columns: tuple[str, ...]
    answers: tuple[tuple[str, tuple[ItemAnswer | None, ...]], ...]
    """By intermediate arm, one answer per column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """The cards of one language."""

    title: str
    note: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardGallery:
    caption: str
    rows: tuple[CardRow, ...]
    notes: tuple[str, ...]


Component = Table | Figure | Section | Collapsible | Listing | Sidebar | CardGallery
