"""A row of a user's file, read by the field names of an example. Errors name the file and line."""

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
    """A hash of texts that ignores case and white space."""
    return hashlib.sha256("\0".join(" ".join(text.casefold().split()) for text in texts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Cells:
    """A row of a file. `columns` maps field names of an example to column names of the file.

    Methods raise DataError, with the file and line, if a column or value is missing or invalid.
    """

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
        """The value; a JSON list of texts, as in a cell of a CSV file, is parsed."""
        value = self.value(column)
        if isinstance(value, str) and value.lstrip().startswith("["):
            try:
                parsed = json.loads(value)
            except json.JSONDecodeError:
                return value
            return parsed if parsed and all(isinstance(item, str) for item in parsed) else value
        return value

    def required_text(self, field: str) -> str:
        """The stripped text of a cell that must not be empty."""
        column = self.columns[field]
        value = self.value(column)
        if value is None or not str(value).strip():
            raise self.error(f"the {field} is missing (column {column!r})", "fill the cell or delete the row")
        return str(value).strip()

    def optional_text(self, field: str) -> str | None:
        """As `required_text`, but None if the file does not have the column."""
        return self.required_text(field) if field in self.columns else None

    def words(self, field: str) -> tuple[str, ...]:
        """The words of a list or of a text with spaces."""
        value = self.list_or_value(self.columns[field])
        words = [str(word) for word in value] if isinstance(value, list | tuple) else str(value or "").split()
        if not words or not all(words):
            raise self.error(f"the {field} are missing, or one of them is empty", "write a list, or words and spaces")
        return tuple(words)

    def as_list(self, field: str) -> list[Any]:
        """The values of a list, the single value of a cell, or nothing for an empty cell."""
        return as_list(self.value(self.columns[field]))

    def column_names(self, field: str) -> list[str]:
        """The file's columns for a field that may have several, written as `a,b,c`."""
        return [column.strip() for column in self.columns[field].split(",")]

    def boolean(self, field: str, column: str | None = None) -> bool:
        """The value of a cell with true, false, 1 or 0."""
        name = column or self.columns[field]
        value = str(self.value(name)).strip().lower()
        if value not in ("true", "false", "1", "0", "1.0", "0.0"):
            raise self.error(f"`{field}` is {value!r}", "write true or false")
        return value in ("true", "1", "1.0")

    def item_id(self, default: str) -> str:
        return self.required_text("id") if "id" in self.columns else default

    def group(self, text: str) -> str:
        """The row's group; if the file has no groups, a hash of `text`."""
        return self.required_text("group") if "group" in self.columns else text_group(text)

    def images(self) -> tuple[str, ...]:
        """References of the row's images, from one column with an image or a list, or from several columns: `a,b`."""
        columns = [
            column for field in ("images", "image") if field in self.columns for column in self.column_names(field)
        ]
        return tuple(image for column in columns for image in self._images_of(column))

    def _images_of(self, column: str) -> Iterator[str]:
        value = self.value(column)
        is_list = isinstance(value, list | tuple)
        if is_list and any(isinstance(item, bytes | dict) for item in value):
            raise self.error(f"the cell {column!r} contains several images", "use one column per image: `images: a,b`")
        for item in value if is_list and value else [value]:
            image = image_reference(item, self.path, self.line - 1, column)
            if image is None:
                raise self.error(f"an image is missing (column {column!r})", "fill the cell or delete the row")
            yield image


def as_list(value: Any) -> list[Any]:
    """A list as a list, another value as a list of one, and None or an empty text as an empty list."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
