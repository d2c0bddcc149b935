"""A mistake in a recipe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flaw:
    """A mistake in a recipe; `where` is the path of fields to it, as pydantic writes it."""

    where: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(self.where)}: {self.message}"
