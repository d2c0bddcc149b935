"""Readers of image annotations: rows with their line or position in the file."""

from collections.abc import Iterator
from pathlib import Path

from xstilts.errors import DataError
from xstilts.formats.content import Row
from xstilts.formats.json_values import read_json
from xstilts.formats.tables import rows


def captions(path: Path) -> Iterator[tuple[int, Row]]:
    """A row per entry in `sentences` of a JSON line, as `caption`, with its index as `place`.

    `place` is None if the line has only one sentence.
    """
    for line, row in rows(path):
        sentences = row.get("sentences")
        if not isinstance(sentences, list) or not all(isinstance(caption, str) for caption in sentences):
            message = f"{path}:{line}: `sentences` is not a list of texts"
            raise DataError(message, "each line needs a list of captions of one image")
        for place, caption in enumerate(sentences):
            yield line, {**row, "caption": caption, "place": place if len(sentences) > 1 else None}


def first_captions(path: Path) -> Iterator[tuple[int, Row]]:
    """Like `captions`, but only the first caption of each line."""
    return ((line, {**row, "place": None}) for line, row in captions(path) if not row["place"])


def visual_questions(path: Path) -> Iterator[tuple[int, Row]]:
    """The questions of a JSON file, numbered from 1: a list, or an object by `question_id` as in GQA.

    Raises DataError for another layout, and for texts that are not strings.
    """
    content = read_json(path, _GQA)
    if isinstance(content, dict):
        content = [{"question_id": name, **row} if isinstance(row, dict) else row for name, row in content.items()]
    if not isinstance(content, list):
        raise DataError(f"{path}:1: neither a list nor an object", _GQA)
    for number, row in enumerate(content, start=1):
        if not isinstance(row, dict):
            raise DataError(f"{path}: question {number} is not an object", _GQA)
        if wrong := [key for key in _TEXTS if not isinstance(row.get(key), str | None)]:
            raise DataError(f"{path}: question {number} has {type(row[wrong[0]]).__name__} as {wrong[0]!r}", _GQA)
        yield number, row


_TEXTS = ("question", "sent", "answer")
_GQA = "GQA questions are an object by question id, or a list; download the file again"
