"""From a row of a user's file to an example of a problem; every complaint names file and line."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.data.images.references import reference
from xstilts.errors import DataError
from xstilts.formats.tables import Row
from xstilts.problems.examples import (
    Answer,
    Caption,
    Choice,
    Example,
    ImageText,
    Labelled,
    Parallel,
    Sentence,
    Span,
    Tagged,
)
from xstilts.problems.registry import ProblemName
from xstilts.tasks.benchmark import text_group


@dataclass(frozen=True, slots=True)
class Cells:
    """A row of a file, read by the names of an example's fields; every complaint names file and line."""

    path: Path
    line: int
    row: Row
    columns: Mapping[str, str]

    def wrong(self, what: str, hint: str) -> DataError:
        return DataError(f"{self.path}:{self.line}: {what}", hint)

    def cell(self, column: str) -> Any:
        if column not in self.row:
            raise self.wrong(f"there is no column {column!r}", f"the columns are {', '.join(self.row)}")
        return self.row[column]

    def text(self, field: str) -> str:
        """A cell that must hold something."""
        column = self.columns[field]
        value = self.cell(column)
        if value is None or not str(value).strip():
            raise self.wrong(f"the {field} is missing (column {column!r})", "fill the cell or delete the row")
        return str(value).strip()

    def optional(self, field: str) -> str | None:
        """None where the file has no such column at all; then no row may lack it."""
        return self.text(field) if field in self.columns else None

    def sequence(self, field: str) -> tuple[str, ...]:
        """A list, or words between spaces."""
        value = self.cell(self.columns[field])
        parts = [str(part) for part in value] if isinstance(value, list | tuple) else str(value or "").split()
        if not parts or not all(parts):
            raise self.wrong(f"the {field} are missing or have a gap", "give a list, or words between spaces")
        return tuple(parts)

    def named(self, default: str) -> str:
        return self.text("id") if "id" in self.columns else default

    def group(self, text: str) -> str:
        if "group" in self.columns:
            return self.text("group")
        return text_group(text)


def _labelled(cells: Cells, name: str, language: str) -> Labelled:
    text = cells.text("text")
    return Labelled(
        id=cells.named(name),
        group=cells.group(text),
        language=language,
        text=text,
        pair=cells.optional("pair"),
        label=cells.optional("label"),
    )


def _choice(cells: Cells, name: str, language: str) -> Choice:
    prompt, choices = cells.text("prompt"), _choices(cells)
    answer = cells.optional("answer")
    return Choice(
        id=cells.named(name),
        group=cells.group(prompt),
        language=language,
        prompt=prompt,
        choices=choices,
        answer=None if answer is None else _index(cells, answer, choices),
    )


def _choices(cells: Cells) -> tuple[str, ...]:
    columns = [column.strip() for column in cells.columns["choices"].split(",")]
    values = cells.cell(columns[0]) if len(columns) == 1 else [cells.cell(column) for column in columns]
    if not isinstance(values, list | tuple) or len(values) < 2 or not all(str(v or "").strip() for v in values):
        raise cells.wrong(
            "fewer than two choices, or an empty one", "name one column that holds a list, or several columns: a,b,c"
        )
    return tuple(str(value).strip() for value in values)


def _index(cells: Cells, answer: str, choices: tuple[str, ...]) -> int:
    """The answer is the text of a choice, or else its number from 0."""
    if answer in choices:
        return choices.index(answer)
    if answer.isdecimal() and int(answer) < len(choices):
        return int(answer)
    raise cells.wrong(
        f"the answer {answer!r} is no choice", f"give the text of a choice, or a number from 0 to {len(choices) - 1}"
    )


def _span(cells: Cells, name: str, language: str) -> Span:
    context = str(cells.cell(cells.columns["context"]) or "")
    if not context.strip():
        cells.text("context")
    return Span(
        id=cells.named(name),
        group=cells.group(context),
        language=language,
        question=cells.text("question"),
        context=context,
        answers=_answers(cells, context) if "answer_text" in cells.columns else None,
    )


def _answers(cells: Cells, context: str) -> tuple[Answer, ...]:
    """The answers with their offsets; an empty cell or list means that the question has no answer."""
    texts = _listed(cells.cell(cells.columns["answer_text"]))
    starts = _listed(cells.cell(cells.columns["answer_start"])) if "answer_start" in cells.columns else None
    if starts is None:
        starts = [context.find(str(text)) for text in texts]
    elif texts and len(starts) != len(texts):
        raise cells.wrong(f"{len(texts)} answers but {len(starts)} offsets", "give each answer its offset")
    return tuple(_answer(cells, context, str(text), start) for text, start in zip(texts, starts, strict=False))


def _answer(cells: Cells, context: str, text: str, start: Any) -> Answer:
    try:
        offset = int(start)
    except (TypeError, ValueError):
        raise cells.wrong(f"the offset {start!r} is no number", "give the offset of the first character") from None
    if offset < 0 or context[offset : offset + len(text)] != text:
        raise cells.wrong(
            f"the answer {text!r} does not stand at character {offset} of its context",
            "count characters from 0, after decoding UTF-8",
        )
    return Answer(text=text, start=offset)


def _listed(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _tagged(cells: Cells, name: str, language: str) -> Tagged:
    words = cells.sequence("words")
    tags = cells.sequence("tags") if "tags" in cells.columns else None
    if tags is not None and len(tags) != len(words):
        raise cells.wrong(f"{len(words)} words but {len(tags)} tags", "give each word a tag")
    return Tagged(id=cells.named(name), group=cells.group(" ".join(words)), language=language, words=words, tags=tags)


def _parallel(cells: Cells, name: str, language: str) -> Parallel:
    english = cells.text("english")
    return Parallel(
        id=cells.named(name),
        group=cells.group(english),
        language=language,
        text=cells.text("text"),
        english=english,
    )


def _sentence(cells: Cells, name: str, language: str) -> Sentence:
    """Without a group of its own, a sentence is grouped with its translation: by the id of the English one."""
    name, english = cells.named(name), _truth(cells, "english")
    partners = _partners(cells)
    own = name if english or not partners else partners[0]
    return Sentence(
        id=name,
        group=cells.text("group") if "group" in cells.columns else own,
        language=language,
        text=cells.text("text"),
        english=english,
        partners=partners,
    )


def _truth(cells: Cells, field: str) -> bool:
    value = cells.text(field).lower()
    if value not in ("true", "false", "1", "0"):
        raise cells.wrong(f"`{field}` is {value!r}", "write true or false")
    return value in ("true", "1")


def _partners(cells: Cells) -> tuple[str, ...] | None:
    """A list of ids, or ids between spaces; an empty cell means that the sentence has no translation."""
    if "partners" not in cells.columns:
        return None
    value = cells.cell(cells.columns["partners"])
    return tuple(value if isinstance(value, list | tuple) else str(value or "").split())


def _image_text(cells: Cells, name: str, language: str) -> ImageText:
    """Without a group of its own, an example is grouped with all others of its first image."""
    images = images_in(cells)
    return ImageText(
        id=cells.named(name),
        group=cells.group(images[0]),
        language=language,
        text=cells.text("text"),
        images=images,
        label=cells.optional("label"),
    )


def images_in(cells: Cells) -> tuple[str, ...]:
    """References of the images of a row: of one column, which may hold a list, or of several: a,b.

    Raises DataError where one is missing.
    """
    fields = [field for field in ("images", "image") if field in cells.columns]
    columns = [column.strip() for field in fields for column in cells.columns[field].split(",")]
    return tuple(image for column in columns for image in _images_of(cells, column))


def _images_of(cells: Cells, column: str) -> Iterator[str]:
    value = cells.cell(column)
    listed = isinstance(value, list | tuple)
    if listed and any(isinstance(one, bytes | dict) for one in value):
        raise cells.wrong(f"the cell {column!r} holds several images", "give each a column of its own: `images: a,b`")
    for one in value if listed and value else [value]:
        found = reference(one, cells.path, cells.line - 1, column)
        if found is None:
            raise cells.wrong(f"an image is missing (column {column!r})", "fill the cell or delete the row")
        yield found


def _caption(cells: Cells, name: str, language: str) -> Caption:
    image, *others = images_in(cells)
    if others:
        raise cells.wrong(f"{1 + len(others)} images for one text", "give each image a row of its own")
    return Caption(
        id=cells.named(name), group=cells.group(image), language=language, text=cells.text("text"), image=image
    )


BUILDERS: Mapping[ProblemName, Callable[[Cells, str, str], Example]] = {
    "classification": _labelled,
    "choice": _choice,
    "span": _span,
    "tagging": _tagged,
    "retrieval": _parallel,
    "mining": _sentence,
    "image-text": _image_text,
    "image-retrieval": _caption,
}
