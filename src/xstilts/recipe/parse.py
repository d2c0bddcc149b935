"""Converts plain values to a typed recipe, and reports all errors of keys, types and single values at once."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from xstilts.config.recipe import Recipe
from xstilts.config.renamed import MOVED_KEYS, RENAMED_KEYS, RENAMED_VALUES
from xstilts.errors import did_you_mean
from xstilts.recipe.issues import Code, Issue, Path, dotted, overlap

_NAMED_BLOCKS = ("targets", "intermediate")
"""Blocks in which a name without settings (`intent:`) means the defaults."""
_PLACEHOLDERS: Mapping[str, object] = {"name": "recipe", "targets": {}}
"""Values for missing keys, so that the rest can be checked."""
_MAX_ISSUES = 200
_SHOWN = 200
_RANGE = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


@dataclass(frozen=True, slots=True)
class Parsed:
    recipe: Recipe
    """The recipe without invalid values, so that the rest can be checked."""
    issues: tuple[Issue, ...]
    removed: frozenset[Path]
    """Paths of the invalid values."""


def parse(value: Mapping[str, Any]) -> Parsed:
    """The typed recipe. Invalid values are removed until the rest is valid."""
    values: dict[str, Any] = copy.deepcopy(dict(value))
    for name in _NAMED_BLOCKS:
        if isinstance(block := values.get(name), dict):
            values[name] = {key: {} if inner is None else inner for key, inner in block.items()}
    issues: list[Issue] = []
    removed: set[Path] = set()
    while True:
        try:
            return Parsed(Recipe.model_validate(values), tuple(issues), frozenset(removed))
        except ValidationError as error:
            if error.error_count() > _MAX_ISSUES:
                details = error.errors(include_url=False)
                issues += _issues(details[:_MAX_ISSUES], values)
                message = f"{len(details) - _MAX_ISSUES:,} more errors are not listed"
                issues.append(Issue("too-large", (), message, "fix these first"))
                removed |= {_remove(values, path) for path in {_written_path(one, values)[:1] for one in details}}
                continue
            # An issue that first appears after a removal may be caused by it if their paths overlap.
            reported = {issue.path for issue in issues}
            new = [issue for issue in _issues(error.errors(include_url=False), values) if issue.path not in reported]
            issues += [issue for issue in new if not any(overlap(issue.path, path) for path in removed)]
            path = _written_path(error.errors()[-1], values)
            if not _rename(values, path):
                removed.add(_remove(values, path))


def _issues(errors: Iterable[ErrorDetails], value: object) -> list[Issue]:
    """One issue per path. For a union, pydantic reports an error for every member."""
    by_path: dict[Path, Issue] = {}
    for details in errors:
        path = _written_path(details, value)
        if path not in by_path:
            by_path[path] = _issue(details, path)
    return list(by_path.values())


def _written_path(details: ErrorDetails, value: object) -> Path:
    """Pydantic's location without the names of union members. A missing key is located in its block."""
    path: list[str | int] = []
    inner: Any = value
    for step in details["loc"]:
        match inner, step:
            case (dict(), _) if step in inner:
                inner = inner[step]
            case (list(), int()):
                inner = inner[step]
            case _:
                continue
        path.append(step)
    if details["type"] == "missing":
        path.append(details["loc"][-1])
    return tuple(path)


def _issue(details: ErrorDetails, path: Path) -> Issue:
    name, value, context = dotted(path), details["input"], details.get("ctx", {})
    key, shown = str(path[-1]) if path else "", shortened(value)
    match kind := details["type"]:
        case "extra_forbidden" if new := _new_key(path):
            return Issue("renamed-key", path, f"unknown key {shortened(key)}: it is called {new!r} now")
        case "extra_forbidden" if hint := _moved_key(path):
            return Issue("renamed-key", path, f"the key {shortened(key)} has moved", hint)
        case "extra_forbidden":
            return Issue("unknown-key", path, f"unknown key {shortened(key)}", did_you_mean(key, keys_at(path[:-1])))
        case "missing":
            return Issue("missing-key", path, f"{name} is missing")
        case "literal_error" | "invalid-value" if new := _new_value(path, value):
            return Issue("renamed-value", path, f"unknown value {shown}: it is called {new!r} now")
        case "literal_error":
            return Issue("invalid-value", path, f"{name} must be {context['expected']}, not {shown}")
        case "union_tag_invalid":
            message = f"{name} must be one of {context['expected_tags']}, not {context['tag']!r}"
            return Issue("invalid-value", path, message)
        case "union_tag_not_found":
            return Issue("missing-key", path, f"{name} lacks the key {context['discriminator']}")
        case "string_pattern_mismatch":
            message = f"{name} may contain only lower-case letters, digits, - and _, not {shown}"
            return Issue("invalid-name" if path == ("name",) else "invalid-value", path, message)
        case "model_type" | "dict_type":
            return Issue("wrong-type", path, f"{name or 'a recipe'} must be a block of `key: value`, not {shown}")
        case "tuple_type":
            return Issue("wrong-type", path, f"{name} must be a list, not {shown}")
        case "too_short" if (least := context["min_length"]) > 1:
            return Issue("out-of-range", path, f"{name} has too few entries", f"name at least {least}")
        case "too_short":
            return Issue("empty-list", path, f"{name} is empty", "name at least one")
        case _ if kind in get_args(Code):
            return Issue(cast(Code, kind), path, context["message"], context["hint"])
        case _:
            code: Code = "out-of-range" if kind in _RANGE else "wrong-type"
            return Issue(code, path, f"{name} {_plain(details['msg'])}, not {shown}")


def shortened(value: object) -> str:
    """The repr of a value, cut off if it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _plain(message: str) -> str:
    plain = message.partition(", unable to")[0].replace("Input should be ", "must be ")
    return plain.replace(" a valid integer", " a whole number").replace(" a valid ", " a ")


def _new_key(path: Path) -> str | None:
    return next((new for kind in models_at(path[:-1]) if (new := RENAMED_KEYS.get((kind, str(path[-1]))))), None)


def _moved_key(path: Path) -> str | None:
    return next((hint for kind in models_at(path[:-1]) if (hint := MOVED_KEYS.get((kind, str(path[-1]))))), None)


def _new_value(path: Path, value: object) -> str | None:
    kinds = models_at(path[:-1])
    return next((new for kind in kinds if (new := RENAMED_VALUES.get((kind, str(path[-1]), str(value))))), None)


def _rename(values: dict[str, Any], path: Path) -> bool:
    """Replace an old key or value at `path` by its new name, so that it is checked too. False if there is none."""
    block = _block(values, path)
    if not isinstance(block, dict) or path[-1] not in block:
        return False
    if (new := _new_key(path)) and new not in block:
        block[new] = block.pop(path[-1])
    elif new := _new_value(path, block[path[-1]]):
        block[path[-1]] = new
    else:
        return False
    return True


def _remove(values: dict[str, Any], path: Path) -> Path:
    """Remove the value at `path`, or the block that lacks the key. Returns the removed path."""
    block, last = _block(values, path), path[-1]
    if not isinstance(block, dict) or last in block:
        del block[last]
    elif len(path) > 1:
        return _remove(values, path[:-1])
    else:
        block[last] = _PLACEHOLDERS[str(last)]
    return path


def _block(values: dict[str, Any], path: Path) -> Any:
    block: Any = values
    for step in path[:-1]:
        block = block[step]
    return block


def keys_at(path: Path) -> tuple[str, ...]:
    """The keys that a block at `path` may have; empty if they are not fixed."""
    return tuple(name for kind in models_at(path) for name in kind.model_fields)


def models_at(path: Path) -> tuple[type[BaseModel], ...]:
    """The pydantic models that the block at `path` of a recipe may have."""
    kinds: list[Any] = [Recipe]
    for step in path:
        kinds = [member for kind in kinds for member in _members(_annotation_at(kind, step))]
    return tuple(kind for kind in kinds if _is_model(kind))


def _annotation_at(kind: Any, step: str | int) -> Any:
    if _is_model(kind):
        field = kind.model_fields.get(step)
        return field.annotation if field else None
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, UnionType):
        return [member for argument in get_args(annotation) for member in _members(argument)]
    return _members(get_args(annotation)[0]) if get_origin(annotation) is Annotated else [annotation]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
