"""Errors that a user can fix. Any other exception is a bug."""

import errno
import os
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xstilts.recipe.issues import Issue


class UserError(Exception):
    """A message that says what is wrong and where, with a hint that says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class RecipeError(UserError):
    """The recipe cannot be read or is not valid. `issues` holds one record per problem."""

    def __init__(self, message: str, hint: str = "", issues: "Sequence[Issue]" = ()) -> None:
        super().__init__(message, hint)
        self.issues = tuple(issues)


class DataError(UserError):
    """A data file is missing, damaged, or has a row that cannot be used."""


class RowsError(DataError):
    """Several rows that cannot be used; `errors` has all of them, the message the first ones."""

    SHOWN = 20

    def __init__(self, errors: "Sequence[DataError]") -> None:
        more = [f"and {len(errors) - self.SHOWN} more"] if len(errors) > self.SHOWN else []
        hints = dict.fromkeys(error.hint for error in errors[: self.SHOWN] if error.hint)
        lines = [error.message for error in errors[: self.SHOWN]]
        head = [f"{len(errors)} rows cannot be used:"] if len(errors) > 1 else []
        super().__init__("\n  ".join([*head, *lines, *more]), "\n  ".join(hints))
        self.errors = tuple(errors)


class ImageError(UserError):
    """An image is missing, damaged, too large or none: of no use, but no reason to stop."""


class SourceError(UserError):
    """Something that a recipe needs cannot be fetched."""


class LeakError(UserError):
    """Training and evaluation share a group."""


class StageError(UserError):
    """A stage failed while it ran."""


class DamageError(UserError):
    """Files of a store are damaged."""


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """A hint for an unknown name: the closest known name, or all known names if none is close."""
    names = list(known)
    if close := get_close_matches(str(name), names, n=1):
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names) or 'none'}"


_DISK_FULL = "free some space (`df -h` and `df -i` show it), or use another folder"
_HINTS = {
    errno.ENOSPC: _DISK_FULL,
    errno.EDQUOT: _DISK_FULL,
    errno.EROFS: "the file system is read-only: use another folder",
    errno.EACCES: "change its permissions, or use another folder",
    errno.EPERM: "change its permissions, or use another folder",
    errno.ENOTDIR: "a part of the path is a file instead of a folder: move the file, or use another path",
    errno.EEXIST: "there is a file where a folder is needed: move it, or use another path",
    errno.EISDIR: "there is a folder where a file is needed: move it, or use another path",
    errno.ENOENT: "check the path",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.EMFILE: "allow more open files (`ulimit -n`)",
    errno.EIO: "the disk or its connection may be broken: `xstilts verify` reads all files of a store",
}


def os_error(error: OSError) -> UserError:
    """The error of the operating system as a sentence: what failed, where, and what to do."""
    reason = error.strerror or str(error) or type(error).__name__
    paths = [os.fsdecode(path) for path in (error.filename, error.filename2) if isinstance(path, str | bytes)]
    shown = " -> ".join(path if len(path) <= _PATH_SHOWN else f"{path[:_PATH_SHOWN]}..." for path in paths)
    return UserError(f"{shown}: {reason}" if shown else reason, _HINTS.get(error.errno or 0, "check the file system"))


_PATH_SHOWN = 300
"""Characters of a path that a message shows."""
