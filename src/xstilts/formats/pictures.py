"""The layouts of annotations of images, each as rows with their number in the file."""

import json
from collections.abc import Iterator
from pathlib import Path

from xstilts.errors import DataError
from xstilts.formats.tables import Row, read_text, rows


def captions(path: Path) -> Iterator[tuple[int, Row]]:
    """A row for each of the `sentences` of a line of JSON, as `caption`, with its place among them.

    `place` is None where a line has one sentence.
    """
    for line, row in rows(path):
        sentences = row.get("sentences")
        if not isinstance(sentences, list):
            raise DataError(f"{path}:{line}: there are no `sentences`", "a line has a list of captions of one image")
        for place, caption in enumerate(sentences):
            yield line, {**row, "caption": caption, "place": place if len(sentences) > 1 else None}


def first_captions(path: Path) -> Iterator[tuple[int, Row]]:
    """As `captions`, but only the first of each line."""
    return ((line, {**row, "place": None}) for line, row in captions(path) if not row["place"])


def visual_questions(path: Path) -> Iterator[tuple[int, Row]]:
    """The questions of a JSON file, numbered from 1: a list, or an object by `question_id`, as GQA publishes them."""
    try:
        found = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON: {error.msg}", _GQA) from None
    if isinstance(found, dict):
        found = [{"question_id": name, **row} if isinstance(row, dict) else row for name, row in found.items()]
    if not isinstance(found, list):
        raise DataError(f"{path}:1: neither a list nor an object", _GQA)
    for number, row in enumerate(found, start=1):
        if not isinstance(row, dict):
            raise DataError(f"{path}: question {number} is no object", _GQA)
        yield number, row


_GQA = "GQA's questions are an object by the id of the question, or a list; fetch the file anew"
