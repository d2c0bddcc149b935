"""The table of the suite: one row for each fault."""

import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

START, END = "<!-- reliability -->", "<!-- /reliability -->"
"""The lines in a page between which the table is written."""


Row = tuple[str, int, int, int]
"""Fault, cases, survived, lost."""
_TOTAL = "all"


@dataclass(slots=True, kw_only=True)
class Tally:
    """The cases of one fault; `lost` describes each case that broke a promise."""

    fault: str
    cases: int = 0
    lost: list[str] = field(default_factory=list[str])

    @property
    def row(self) -> Row:
        return self.fault, self.cases, self.cases - len(self.lost), len(self.lost)

    def count(self, problem: str | None) -> None:
        """Count a case with what went wrong, or None."""
        self.cases += 1
        if problem:
            self.lost.append(problem)


def markdown(tallies: Iterable[Tally]) -> str:
    return _markdown(tally.row for tally in tallies)


def _markdown(rows: Iterable[Row]) -> str:
    rows = list(rows)
    total = (_TOTAL, *(sum(row[column] for row in rows) for column in (1, 2, 3)))
    lines = [f"| {fault} | {cases:,} | {survived:,} | {lost:,} |" for fault, cases, survived, lost in (*rows, total)]
    return "\n".join(["| fault | cases | survived | lost |", "|---|---:|---:|---:|", *lines])


def write_table(page: Path, tallies: Sequence[Tally], *, keep: bool = False) -> None:
    """Replace what stands between the markers of the page. With `keep`, rows of other faults stay."""
    text = page.read_text(encoding="utf-8")
    head, start, rest = text.partition(START)
    table, end, tail = rest.partition(END)
    if not start or not end:
        raise ValueError(f"{page} lacks the lines {START} and {END}")
    rows = {tally.fault: tally.row for tally in tallies}
    if keep:
        rows = {row[0]: row for row in _rows(table)} | rows
    page.write_text(f"{head}{start}\n{_markdown(rows.values())}\n\n{processor()}\n{end}{tail}", encoding="utf-8")


def _rows(table: str) -> Iterator[Row]:
    for line in table.splitlines()[3:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0] != _TOTAL:
            yield cells[0], *(int(cell.replace(",", "")) for cell in cells[1:])  # pyright: ignore[reportReturnType]


def processor() -> str:
    """The name of the processor, if the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
