"""CCGbank derivations, and the flat files of words and categories used to train supertaggers."""

import re
from collections.abc import Iterator
from pathlib import Path

from xstilts.errors import DataError
from xstilts.formats.content import Row, read_text

_LEAF = re.compile(r"<L (?P<category>\S+) \S+ \S+ (?P<word>\S+) \S+>")


def auto_derivations(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences of an `.auto` file: lines that begin with ID=, each followed by a derivation whose leaves are
    `<L category tag tag word category>`. Raises DataError for a derivation without leaves."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip() or line.startswith("ID="):
            continue
        leaves = _LEAF.findall(line)
        if not leaves:
            raise DataError(
                f"{path}:{number}: a derivation without leaves", "the file must be in CCGbank's AUTO format"
            )
        yield number, {"words": [word for _, word in leaves], "tags": [category for category, _ in leaves]}


def staged_gold(path: Path) -> Iterator[tuple[int, Row]]:
    """Sentences of a `.stagedGold` file: one per line, with space-separated tokens `word|tag|category`.

    Raises DataError for any other token.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        tokens = [token.rsplit("|", 2) for token in line.split()]
        if malformed := next((token for token in tokens if len(token) != 3), None):
            raise DataError(f"{path}:{number}: {'|'.join(malformed)!r} is not word|tag|category", "fix the token")
        yield number, {"words": [word for word, _, _ in tokens], "tags": [category for _, _, category in tokens]}
