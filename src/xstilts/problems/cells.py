"""A row of a user's file, read by the field names of an example. Errors name the file and line."""

import ast
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xstilts.errors import DataError
from xstilts.formats.notes import Notes
from xstilts.formats.tables import Row
from xstilts.problems.labels import AS_WRITTEN, LabelRules
from xstilts.problems.references import image_reference


def text_group(*texts: str) -> str:
    """A hash of texts that ignores case and white space."""
    return hashlib.sha256("\0".join(" ".join(text.casefold().split()) for text in texts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row of a file. `columns` maps field names of an example to column names of the file.

    Repairs and guesses are counted in `notes`, which the rows of a file share. Methods raise DataError, with the file
    and line, if a column or value is missing or invalid.
    """

    path: Path
    line: int
    row: Row
    columns: Mapping[str, str]
    labels: LabelRules = AS_WRITTEN
    notes: Notes = field(default_factory=Notes)

    def error(self, what: str, hint: str) -> DataError:
        return DataError(f"{self.path}:{self.line}: {what}", hint)

    def note(self, code: str, text: str, *, count: int = 1) -> None:
        """Count a repair or a guess in this row, or in so many rows from here on."""
        self.notes.add(code, self.line, text, count=count)

    def value(self, column: str) -> Any:
        """A cell as the file has it; None for NaN, which stands for a missing value."""
        if column not in self.row:
            raise self.error(f"there is no column {column!r}", f"the columns are {', '.join(self.row)}")
        value = self.row[column]
        return None if isinstance(value, float) and math.isnan(value) else value

    def list_or_value(self, column: str) -> Any:
        """A cell; a text that spells a list of texts is that list."""
        value = self.value(column)
        items = parse_list(value) if isinstance(value, str) else None
        return items if items and all(isinstance(item, str) for item in items) else value

    def required_text(self, field: str) -> str:
        """The stripped text of a cell that must not be empty."""
        column = self.columns[field]
        value = self.value(column)
        if value is None or not str(value).strip():
            raise self.error(f"the {field} is missing (column {column!r})", "fill the cell or delete the row")
        if isinstance(value, list | tuple | dict):
            message = f"the {field} is a list or an object (column {column!r}): {str(value)[:40]}"
            raise self.error(message, "write it as one text, or name another column")
        return str(value).strip()

    def optional_text(self, field: str) -> str | None:
        """As `required_text`, but None if the file does not have the column."""
        return self.required_text(field) if field in self.columns else None

    def words(self, field: str) -> tuple[str, ...]:
        """The words of a list or of a text with spaces."""
        value = self.list_or_value(self.columns[field])
        if isinstance(value, str) and _SPOILED_LIST.match(value):
            message = f"the {field} look like a list in text, but cannot be read as one: {value[:40]!r}"
            raise self.error(message, "write the list as JSON, or words between spaces")
        parts = [str(part) for part in value] if isinstance(value, list | tuple) else str(value or "").split()
        if not parts or not all(part.strip() for part in parts):
            raise self.error(f"the {field} are missing or have a gap", "give a list, or words between spaces")
        return tuple(parts)

    def tags(self, field: str) -> tuple[str, ...]:
        """One tag for each word, as the task names them."""
        return tuple(self.renamed(tag, tag=True) for tag in self.words(field))

    def label(self, field: str) -> str | None:
        """The one label of a row, also where it is written as a list of one; None if the file has no such column."""
        if field not in self.columns:
            return None
        labels = self.as_list(field)
        if len(labels) > 1:
            shown = ", ".join(map(str, labels[:4]))
            hint = "keep one of them, or make this a `multi-label` task"
            raise self.error(f"the row has {len(labels)} labels ({shown}), and a text has one", hint)
        label = str(labels[0]).strip() if labels and labels[0] is not None else ""
        if not label:
            message = f"the {field} is missing (column {self.columns[field]!r})"
            raise self.error(message, "fill the cell or delete the row")
        return self.renamed(label)

    def renamed(self, label: str, *, tag: bool = False) -> str:
        """A label (or tag) as the task has it. Raises DataError for a class number without a name."""
        try:
            return self.labels.apply_to_tag(label) if tag else self.labels.apply(label)
        except IndexError:
            count = len(self.labels.names)
            message = f"class {label} has no name: `labels.names` has {count}, numbered from 0"
            raise self.error(message, "name every class, in order") from None

    def as_list(self, field: str) -> list[Any]:
        """A list, also one that is spelled as text, or the single value of a cell; empty where the cell is."""
        value = self.value(self.columns[field])
        items = parse_list(value) if isinstance(value, str) else None
        return as_list(value if items is None else items)

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
            if "\0" in image:
                raise self.error(f"the image's name has a NUL character (column {column!r})", "write a path or a URL")
            yield image


def as_list(value: Any) -> list[Any]:
    """A list as a list, another value as a list of one, and None or an empty text as an empty list."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


_STRING = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_NUMPY_LIST = re.compile(rf"\[\s*{_STRING}(?:\s+{_STRING})+\s*\]", re.DOTALL)
_ITEM = rf"(?:{_STRING}|[+-]?[\d.]+(?:[eE][+-]?\d+)?|True|False|nan)"
_PYTHON_LIST = re.compile(rf"\[\s*(?:{_ITEM}\s*,\s*)*(?:{_ITEM}\s*)?\]", re.DOTALL)
_ARRAY = re.compile(r"array\((\[.*\])(?:,\s*dtype=\w+)?\)", re.DOTALL)
_SPOILED_LIST = re.compile(r"""\s*\[\s*['"]""")
_LONGEST_LIST = 1_000_000


def parse_list(text: str) -> list[Any] | None:
    """The list that a text spells in JSON, as Python prints it or as NumPy does; None if it spells none.

    Its items are texts or numbers: "[applause]" is a text.
    """
    text = text.strip()
    if match := _ARRAY.fullmatch(text):
        text = match[1]
    if not (text.startswith("[") and text.endswith("]")) or len(text) > _LONGEST_LIST:
        return None
    if _NUMPY_LIST.fullmatch(text):
        return [ast.literal_eval(string) for string in re.findall(_STRING, text, re.DOTALL)]
    items: Any = None
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        if _PYTHON_LIST.fullmatch(text):
            with suppress(ValueError, SyntaxError):
                items = ast.literal_eval(text)
    is_list = isinstance(items, list) and all(isinstance(item, str | int | float) for item in items)
    return items if is_list else None
