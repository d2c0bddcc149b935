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
class Fold:
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
class Aside:
    """Remarks that belong beside the numbers: weaknesses, overlaps."""

    title: str
    remarks: tuple[str, ...]


Part = Table | Figure | Section | Fold | Listing | Aside
