"""What a reader skipped, repaired or guessed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """`count` cases of one kind in a file, the first of them on `first_line`. `text` says what the reader did."""

    code: str
    count: int
    first_line: int
    text: str


class Notes:
    """Collects the notes on one file."""

    def __init__(self) -> None:
        self._notes: dict[str, Note] = {}

    def add(self, code: str, line: int, text: str, *, count: int = 1) -> None:
        """Count `count` more cases of the kind `code`, whose first case is on `line`."""
        note = self._notes.get(code)
        self._notes[code] = (
            Note(code=code, count=count, first_line=line, text=text)
            if note is None
            else replace(note, count=note.count + count)
        )

    def all(self) -> Sequence[Note]:
        """The notes in the order in which their first cases occurred."""
        return tuple(self._notes.values())
