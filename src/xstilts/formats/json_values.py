"""Strict parsing of JSON: only what can be stored, compared and written again."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from math import isinf
from pathlib import Path
from typing import Any

from xstilts.errors import DataError
from xstilts.formats.content import read_text

MAX_DEPTH = 64
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonError(ValueError):
    """A value that is not accepted. `position` is the offset of a syntax error in the text, if it is one."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


def parse_json(text: str) -> Any:
    """The value of a JSON text; NaN becomes None.

    Raises JsonError for syntax errors, infinite numbers, numbers of thousands of digits, repeated keys, halves of
    characters (lone surrogates) and nesting deeper than `MAX_DEPTH`.
    """
    value, end = parse_json_at(text, _after_space(text, 0))
    if (end := _after_space(text, end)) < len(text):
        raise JsonError("not JSON: extra data", end)
    return value


def parse_json_at(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins at `start`, and the offset of its end. Raises as `parse_json`."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise JsonError(f"not JSON: {error.msg}", error.pos) from None
    except JsonError:
        raise
    except ValueError:
        raise JsonError("a number has too many digits") from None
    except RecursionError:
        raise JsonError(f"nested deeper than {MAX_DEPTH} levels") from None
    _check(value, text, start, end)
    return value, end


def read_json(path: Path, hint: str) -> Any:
    """The value of a JSON file. Raises DataError, with the line of a syntax error, where `parse_json` raises."""
    text = read_text(path)
    try:
        return parse_json(text)
    except JsonError as error:
        line = text.count("\n", 0, error.position or 0) + 1
        where = f"{path}:{line}" if error.position is not None else f"{path}"
        raise DataError(f"{where}: {error}", hint) from None


def array_elements(text: str, start: int) -> Iterator[tuple[int, Any]]:
    """The elements of the array that begins at `start`, each with its offset; nothing may follow the array.

    Raises as `parse_json`.
    """
    position = _after_space(text, start + 1)
    if text[position : position + 1] != "]":
        while True:
            value, end = parse_json_at(text, position)
            yield position, value
            end = _after_space(text, end)
            if text[end : end + 1] == "]":
                position = end
                break
            if text[end : end + 1] != ",":
                raise JsonError("not JSON: expected a comma or the end of the array", end)
            position = _after_space(text, end + 1)
    if (end := _after_space(text, position + 1)) < len(text):
        raise JsonError("not JSON: extra data", end)


_SPACE = re.compile(r"[ \t\n\r]*")


def _after_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start


def _constant(name: str) -> None:
    if name != "NaN":
        raise JsonError(f"{name} is not a number that JSON allows")


def _float(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise JsonError(f"{digits[:20]} is not a number that JSON allows")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        repeated = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise JsonError(f"the key {repeated!r} occurs twice")
    return content


_DECODER = json.JSONDecoder(parse_constant=_constant, parse_float=_float, object_pairs_hook=_object)


def _check(value: Any, text: str, start: int, end: int) -> None:
    """Raises JsonError for deep nesting and lone surrogates."""
    may_be_deep = text.count("[", start, end) + text.count("{", start, end) > MAX_DEPTH
    has_surrogates = "\\u" in text and _SURROGATE_ESCAPE.search(text, start, end) is not None
    if not may_be_deep and not has_surrogates:
        return
    stack: list[tuple[Any, int]] = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, str):
            _check_characters(item)
        elif isinstance(item, dict | list):
            if depth > MAX_DEPTH:
                raise JsonError(f"nested deeper than {MAX_DEPTH} levels")
            if isinstance(item, dict):
                stack.extend((name, depth) for name in item)
                item = list(item.values())
            stack.extend((one, depth + 1) for one in item)


def _check_characters(text: str) -> None:
    if half := _SURROGATE.search(text):
        raise JsonError(f"half of a character (\\u{ord(half[0]):x})")
