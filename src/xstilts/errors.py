"""Mistakes a user can mend. Anything else that is raised is a bug."""


class UserError(Exception):
    """A message that says what is wrong and where, with a hint that says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class RecipeError(UserError):
    """The recipe cannot be read or does not make sense."""


class DataError(UserError):
    """A data file is missing, damaged, or has a row that cannot be used."""


class ImageError(UserError):
    """An image is missing, damaged, too large or none: of no use, but no reason to stop."""


class SourceError(UserError):
    """Something that a recipe needs cannot be fetched."""


class LeakError(UserError):
    """Training and evaluation share a group."""


class StageError(UserError):
    """A stage failed while it ran."""
