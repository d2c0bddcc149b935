"""YAML with the scalars of version 1.2 and the line of every value, for error messages."""

import math
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar

import yaml

Path = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_NULL = re.compile(r"null|Null|NULL|~|")
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


MAX_CHARACTERS = 500_000
MAX_NESTING = 50
MAX_NODES = 100_000
"""Values in a file, with repeated blocks (aliases and merges) counted each time."""
_TOO_DEEP = f"more than {MAX_NESTING} nested blocks"
_TOO_MANY = f"more than {MAX_NODES:,} values"
_SHOWN = 60
_SURROGATE = re.compile("[\ud800-\udfff]")


class YamlError(Exception):
    """Invalid YAML, with its line (counted from 1)."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class _Composer(yaml.SafeLoader):
    """PyYAML's composer with YAML 1.2 scalars instead of 1.1."""

    yaml_implicit_resolvers: ClassVar = {
        None: [
            (_TAG + name, re.compile(rf"(?:{rule.pattern})\Z"))
            for name, rule in (("bool", _BOOL), ("null", _NULL), ("int", _INT), ("float", _FLOAT))
        ]
    }


_MERGE = "<<"
"""Merge key of YAML 1.1: adds the keys of another block that this block does not set itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The value of a file, and the line of every key and list item in it, by path."""

    value: object
    lines: dict[Path, int]
    repeated: dict[Path, int]
    """Keys that occur twice in a mapping, with the line of the second occurrence."""


@dataclass(slots=True)
class _State:
    lines: dict[Path, int] = field(default_factory=dict)
    repeated: dict[Path, int] = field(default_factory=dict)
    ancestors: list[yaml.Node] = field(default_factory=list)
    nodes: int = 0


def read(text: str) -> Document:
    """The value of a YAML text. `no`, `on` and dates are strings, as in YAML 1.2; keys are always strings.

    Raises YamlError for invalid YAML, several documents, a tag, an alias inside itself, a number that is not finite or
    has more than 64 bits, and a text that is too long, too deeply nested or has too many values.
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlError(f"more than {MAX_CHARACTERS:,} characters", 1)
    _check_characters(text, 1)  # bytes of an argument that are not UTF-8
    state = _State()
    _check_size(text)
    try:
        node = yaml.compose(text, Loader=_Composer)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(error.problem or "this is not YAML", mark.line + 1 if mark else 1) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise YamlError(f"the character {chr(int(error.character))!r} is not allowed", line) from None
    value = None if node is None else _value(node, (), state)
    return Document(value=value, lines=state.lines, repeated=state.repeated)


def _value(node: yaml.Node, path: Path, state: _State) -> object:
    line = state.lines.setdefault(path, node.start_mark.line + 1)
    if any(node is ancestor for ancestor in state.ancestors):
        raise YamlError(f"the alias {path[-1]!r} is inside the block that it repeats", line)
    state.nodes += 1
    if state.nodes > MAX_NODES:
        raise YamlError(_TOO_MANY, line)
    if len(state.ancestors) >= MAX_NESTING:
        raise YamlError(_TOO_DEEP, line)
    state.ancestors.append(node)
    try:
        match node:
            case yaml.MappingNode():
                return _mapping(node, path, state)
            case yaml.SequenceNode():
                return [_value(item, (*path, i), state) for i, item in enumerate(node.value)]
            case _:
                return _scalar(node)
    finally:
        state.ancestors.pop()


def _mapping(node: yaml.MappingNode, path: Path, state: _State) -> dict[str, object]:
    keys: dict[str, object] = {}
    merged: dict[str, object] = {}
    for key, value in sorted(node.value, key=lambda pair: not _is_merge(pair[0])):
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError("a key must be a scalar", line)
        _check_characters(key.value, line)
        if _is_merge(key):
            merged |= _merged(value, path, state, line)
            continue
        key_path = (*path, key.value)
        if key.value in keys:
            state.repeated[key_path] = line
            continue
        state.lines[key_path] = line
        keys[key.value] = _value(value, key_path, state)
    return merged | keys


def _is_merge(key: yaml.Node) -> bool:
    return key.value == _MERGE and isinstance(key, yaml.ScalarNode) and key.style is None


def _merged(node: yaml.Node, path: Path, state: _State, line: int) -> dict[str, object]:
    """The keys of one mapping or of several; if more than one has a key, the first counts."""
    value = _value(node, path, state)
    merged: dict[str, object] = {}
    for block in reversed(value if isinstance(value, list) else [value]):
        if not isinstance(block, dict):
            raise YamlError(f"{_MERGE!r} merges the keys of a block, not {block!r}", line)
        merged |= block
    return merged


def _scalar(node: yaml.Node) -> object:
    text, tag = str(node.value), node.tag.removeprefix(_TAG)
    line = node.start_mark.line + 1
    try:
        match tag:
            case "str":
                _check_characters(text, line)  # of an escape sequence
                return text
            case "bool":
                return text.lower() == "true"
            case "null":
                return None
            case "int":
                return _checked(int(text), text, line)
            case "float":
                return _checked(float(text), text, line)
    except ValueError:
        raise YamlError(f"{text[:_SHOWN]!r} is not a valid {tag}", line) from None
    raise YamlError(f"the tag {tag} is not allowed", line)


def _check_characters(text: str, line: int) -> None:
    if surrogate := _SURROGATE.search(text):
        raise YamlError(f"the character {surrogate[0]!r} is not allowed", line)


def _check_size(text: str) -> None:
    """Count nodes with the parser in C, if PyYAML has it: the composer takes seconds for very many."""
    depth = nodes = 0
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with suppress(yaml.YAMLError):  # the composer words it
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            nodes += isinstance(event, yaml.NodeEvent)
            if depth > MAX_NESTING or nodes > MAX_NODES:
                raise YamlError(_TOO_DEEP if depth > MAX_NESTING else _TOO_MANY, event.start_mark.line + 1)


def _checked(number: float, text: str, line: int) -> float:
    is_too_large = abs(number) >= 2**63 if isinstance(number, int) else not math.isfinite(number)
    if is_too_large:
        raise YamlError(f"the number {text[:_SHOWN]} is too large", line)
    return number
