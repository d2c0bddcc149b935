"""YAML 1.2 scalars, and the line of every value, so that each mistake can be shown where it stands."""

import re
from dataclasses import dataclass, field
from typing import ClassVar

import yaml

Path = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_NULL = re.compile(r"null|Null|NULL|~|")
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


class _Composer(yaml.SafeLoader):
    """PyYAML's composer with the scalars of YAML 1.2 instead of 1.1."""

    yaml_implicit_resolvers: ClassVar = {
        None: [
            (_TAG + name, re.compile(rf"(?:{rule.pattern})\Z"))
            for name, rule in (("bool", _BOOL), ("null", _NULL), ("int", _INT), ("float", _FLOAT))
        ]
    }


_MERGE = "<<"
"""The key of YAML 1.1 that everyone knows: a block's keys, where they are not given anew."""


class YamlError(Exception):
    """What cannot be read, and its line (counted from 1)."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The plain value of a file and the line of every key and list item in it, by path."""

    value: object
    lines: dict[Path, int]
    repeated: dict[Path, int]
    """Keys that a mapping has twice, with the line of the second."""


@dataclass(slots=True)
class _Walk:
    lines: dict[Path, int] = field(default_factory=dict)
    repeated: dict[Path, int] = field(default_factory=dict)
    inside: list[yaml.Node] = field(default_factory=list)


def read(text: str) -> Document:
    """The value of a YAML text. `no`, `on` and dates are strings, as in YAML 1.2; keys are always strings.

    Raises YamlError where the text is no YAML, holds several documents, a tag, or an alias inside itself.
    """
    walk = _Walk()
    try:
        node = yaml.compose(text, Loader=_Composer)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(error.problem or "this is not YAML", mark.line + 1 if mark else 1) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise YamlError(f"the character {chr(int(error.character))!r} is not allowed", line) from None
    value = None if node is None else _value(node, (), walk)
    return Document(value=value, lines=walk.lines, repeated=walk.repeated)


def read_value(text: str) -> object:
    """The value of a short text, as `--set key=value` has it."""
    return read(text).value


def _value(node: yaml.Node, path: Path, walk: _Walk) -> object:
    line = walk.lines.setdefault(path, node.start_mark.line + 1)
    if any(node is outer for outer in walk.inside):
        raise YamlError(f"the alias {path[-1]!r} stands inside what it repeats", line)
    walk.inside.append(node)
    try:
        match node:
            case yaml.MappingNode():
                return _mapping(node, path, walk)
            case yaml.SequenceNode():
                return [_value(item, (*path, i), walk) for i, item in enumerate(node.value)]
            case _:
                return _scalar(node)
    finally:
        walk.inside.pop()


def _mapping(node: yaml.MappingNode, path: Path, walk: _Walk) -> dict[str, object]:
    found: dict[str, object] = {}
    merged: dict[str, object] = {}
    for key, value in sorted(node.value, key=lambda pair: not _is_merge(pair[0])):
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError("a key must be a plain word", line)
        if _is_merge(key):
            merged |= _merged(value, path, walk, line)
            continue
        where = (*path, key.value)
        if key.value in found:
            walk.repeated[where] = line
            continue
        walk.lines[where] = line
        found[key.value] = _value(value, where, walk)
    return merged | found


def _is_merge(key: yaml.Node) -> bool:
    return key.value == _MERGE and isinstance(key, yaml.ScalarNode) and key.style is None


def _merged(node: yaml.Node, path: Path, walk: _Walk, line: int) -> dict[str, object]:
    """The mapping, or the mappings, whose keys a merge brings in; of several that have a key, the first counts."""
    value = _value(node, path, walk)
    parts = value if isinstance(value, list) else [value]
    merged: dict[str, object] = {}
    for part in reversed(parts):
        if not isinstance(part, dict):
            raise YamlError(f"{_MERGE!r} brings in the keys of a block, not {part!r}", line)
        merged |= part
    return merged


def _scalar(node: yaml.Node) -> object:
    text, tag = str(node.value), node.tag.removeprefix(_TAG)
    line = node.start_mark.line + 1
    try:
        match tag:
            case "str":
                return text
            case "bool":
                return text.lower() == "true"
            case "null":
                return None
            case "int":
                return int(text)
            case "float":
                return float(text)
    except ValueError:
        raise YamlError(f"{text!r} is no {tag}", line) from None
    raise YamlError(f"the tag {tag} is not allowed", line)
