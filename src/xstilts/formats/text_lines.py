"""Lines of a text file with their numbers, and blocks of lines between blank lines."""

from collections.abc import Iterator
from pathlib import Path

from xstilts.formats.content import read_text


def numbered_lines(path: Path, *, blank: bool = False) -> Iterator[tuple[int, str]]:
    """The lines with their numbers. Blank lines are skipped unless `blank`; a blank last line always is."""
    lines = read_text(path).split("\n")
    if lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if blank or line.strip():
            yield number, line.removesuffix("\r")


def blocks(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Blocks of lines between blank lines, each with the number of its first line."""
    block: list[str] = []
    number = 0
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            block.append(line.removesuffix("\r"))
        elif block:
            yield number - len(block), block
            block = []
    if block:
        yield number - len(block) + 1, block
