"""Files in SQuAD format."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xstilts.errors import DataError
from xstilts.formats.content import Row, read_text
from xstilts.formats.json_values import read_json

_HINT = "SQuAD format is data > paragraphs > qas, each with id, question and answers"


def squad_questions(path: Path) -> Iterator[tuple[int, Row]]:
    """A row per question of a file in SQuAD format: `id`, `title`, `question`, `context`, `answer_text` and
    `answer_start` (lists; empty for impossible questions, missing if the file has no answers).

    Raises DataError, with the line of the last question before it, for anything that the format does not allow.
    """
    content = read_json(path, _HINT)
    if not isinstance(content, dict) or "data" not in content:
        raise DataError(f"{path}:1: `data` is missing", _HINT)
    text = read_text(path)
    offset, line = 0, 1
    articles = content["data"]
    if not isinstance(articles, list):
        raise DataError(f"{path}:1: `data` is not a list", _HINT)
    for number, article in enumerate(articles, start=1):
        try:
            for paragraph in _typed(article, "paragraphs", list):
                for question in _typed(paragraph, "qas", list):
                    name = _typed(question, "id", str | int)
                    position = max(offset, text.find(json.dumps(name), offset))
                    line += text.count("\n", offset, position)
                    offset = position
                    yield line, _question(article, paragraph, question)
        except _FormatError as error:
            raise DataError(f"{path}:{line}: article {number} {error}", _HINT) from None


def is_squad(content: Any) -> bool:
    """Whether a JSON value has the outer form of SQuAD: articles with paragraphs."""
    data = content.get("data") if isinstance(content, dict) else None
    return isinstance(data, list) and any(isinstance(article, dict) and "paragraphs" in article for article in data)


def holds_squad(path: Path) -> bool:
    """Whether a JSON file has the outer form of SQuAD. Raises DataError if it cannot be read."""
    return is_squad(read_json(path, _HINT))


class _FormatError(ValueError):
    """What an article lacks."""


def _question(article: Mapping[str, Any], paragraph: Mapping[str, Any], question: Mapping[str, Any]) -> Row:
    row = {
        "id": str(question["id"]),
        "title": article.get("title", ""),
        "question": _typed(question, "question", str),
        "context": _typed(paragraph, "context", str),
    }
    answers = question.get("answers")
    if question.get("is_impossible"):
        answers = []
    if answers is None:
        return row
    answers = _typed(question, "answers", list) if answers else []
    return row | {
        "answer_text": [_typed(answer, "text", str) for answer in answers],
        "answer_start": [_typed(answer, "answer_start", int) for answer in answers],
    }


def _typed(container: Any, key: str, kind: Any) -> Any:
    """The value of a key. Raises _FormatError if it is missing or of another type."""
    if not isinstance(container, Mapping) or key not in container:
        raise _FormatError(f"lacks {key!r}")
    value = container[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _FormatError(f"has {type(value).__name__} as {key!r}")
    return value
