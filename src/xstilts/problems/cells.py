"""A row of a user's file, read by the names of an example's fields; every error names file and line."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.errors import DataError
from xstilts.formats.tables import Row
from xstilts.problems.references import image_reference


def text_group(*texts: str) -> str:
    """A short name for texts that differ from others in more than spaces and case."""
    return hashlib.sha256("\0".join(" ".join(text.casefold().split()) for text in texts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Cells:
    """A row of a file. `columns` maps the names of an example's fields to those of the file's columns."""

    path: Path
    line: int
    row: Row
    columns: Mapping[str, str]

    def error(self, what: str, hint: str) -> DataError:
        return DataError(f"{self.path}:{self.line}: {what}", hint)

    def value(self, column: str) -> Any:
        if column not in self.row:
            raise self.error(f"there is no column {column!r}", f"the columns are {', '.join(self.row)}")
        return self.row[column]

    def list_or_value(self, column: str) -> Any:
        """As `cell`, where a list of texts may be written as JSON, as in a CSV file."""
        value = self.value(column)
        if isinstance(value, str) and value.lstrip().startswith("["):
            try:
                parsed = json.loads(value)
            except json.JSONDecodeError:
                return value
            return parsed if parsed and all(isinstance(one, str) for one in parsed) else value
        return value

    def required_text(self, field: str) -> str:
        """A cell that must hold something."""
        column = self.columns[field]
        value = self.value(column)
        if value is None or not str(value).strip():
            raise self.error(f"the {field} is missing (column {column!r})", "fill the cell or delete the row")
        return str(value).strip()

    def optional_text(self, field: str) -> str | None:
        """None where the file has no such column at all; then no row may lack it."""
        return self.required_text(field) if field in self.columns else None

    def words(self, field: str) -> tuple[str, ...]:
        """A list, or words between spaces."""
        value = self.list_or_value(self.columns[field])
        parts = [str(part) for part in value] if isinstance(value, list | tuple) else str(value or "").split()
        if not parts or not all(parts):
            raise self.error(f"the {field} are missing or have a gap", "give a list, or words between spaces")
        return tuple(parts)

    def as_list(self, field: str) -> list[Any]:
        """A list, or the single value of a cell; empty where the cell is."""
        return as_list(self.value(self.columns[field]))

    def column_names(self, field: str) -> list[str]:
        """The file's columns of a field that may name several: `a,b,c`."""
        return [column.strip() for column in self.columns[field].split(",")]

    def boolean(self, field: str, column: str | None = None) -> bool:
        """A cell that holds true, false, 1 or 0."""
        name = column or self.columns[field]
        value = str(self.value(name)).strip().lower()
        if value not in ("true", "false", "1", "0", "1.0", "0.0"):
            raise self.error(f"`{field}` is {value!r}", "write true or false")
        return value in ("true", "1", "1.0")

    def item_id(self, default: str) -> str:
        return self.required_text("id") if "id" in self.columns else default

    def group(self, text: str) -> str:
        """That of the row, or else the one of all rows with an equal text."""
        return self.required_text("group") if "group" in self.columns else text_group(text)

    def images(self) -> tuple[str, ...]:
        """References of the images of a row: of one column, which may hold a list, or of several: a,b.

        Raises DataError where one is missing.
        """
        columns = [
            column for field in ("images", "image") if field in self.columns for column in self.column_names(field)
        ]
        return tuple(image for column in columns for image in self._images_of(column))

    def _images_of(self, column: str) -> Iterator[str]:
        value = self.value(column)
        is_list = isinstance(value, list | tuple)
        if is_list and any(isinstance(one, bytes | dict) for one in value):
            raise self.error(
                f"the cell {column!r} holds several images", "give each a column of its own: `images: a,b`"
            )
        for one in value if is_list and value else [value]:
            image = image_reference(one, self.path, self.line - 1, column)
            if image is None:
                raise self.error(f"an image is missing (column {column!r})", "fill the cell or delete the row")
            yield image


def as_list(value: Any) -> list[Any]:
    """A list as it is, a single value as a list of one, and nothing for None and an empty text."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
