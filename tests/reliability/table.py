"""The table of the suite: one row for each fault."""

import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

START, END = "<!-- reliability -->", "<!-- /reliability -->"
"""The lines in a page between which the table is written."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """The cases of one fault; `lost` describes each case that broke a promise."""

    fault: str
    cases: int = 0
    lost: list[str] = field(default_factory=list[str])

    def count(self, problem: str | None) -> None:
        """Count a case with what went wrong, or None."""
        self.cases += 1
        if problem:
            self.lost.append(problem)


def markdown(tallies: Iterable[Tally]) -> str:
    rows = [(tally.fault, tally.cases, tally.cases - len(tally.lost), len(tally.lost)) for tally in tallies]
    total = ("all", *(sum(row[column] for row in rows) for column in (1, 2, 3)))
    lines = [f"| {fault} | {cases:,} | {survived:,} | {lost:,} |" for fault, cases, survived, lost in (*rows, total)]
    return "\n".join(["| fault | cases | survived | lost |", "|---|---:|---:|---:|", *lines])


def write_table(page: Path, tallies: Iterable[Tally], seconds: float) -> None:
    """Replace what stands between the markers of the page."""
    text = page.read_text(encoding="utf-8")
    head, start, rest = text.partition(START)
    _, end, tail = rest.partition(END)
    if not start or not end:
        raise ValueError(f"{page} lacks the lines {START} and {END}")
    measured = f"Measured on {processor()} in {seconds / 60:.0f} minutes."
    page.write_text(f"{head}{start}\n{markdown(tallies)}\n\n{measured}\n{end}{tail}", encoding="utf-8")


def processor() -> str:
    """The name of the processor, if the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
