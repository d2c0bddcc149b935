"""The mistakes of a recipe, in words: what pydantic found, where it stands, and what was perhaps meant."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from xstilts.errors import RecipeError

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """`path` leads to the faulty value, from the top of the recipe; `line` is given where the path has several."""

    path: Path
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where each value was written: a line of the file, or a `--set`."""

    file: str
    lines: Mapping[Path, int]
    overrides: Mapping[Path, str]

    def place(self, mistake: Mistake) -> tuple[int, str]:
        """The line (0 for an override) and how to name the place of the nearest value that was written."""
        if mistake.line:
            return mistake.line, f"{self.file}:{mistake.line}"
        for end in range(len(mistake.path), -1, -1):
            if override := self.overrides.get(mistake.path[:end]):
                return 0, override
            if line := self.lines.get(mistake.path[:end]):
                return line, f"{self.file}:{line}"
        return 1, self.file


def refusal(mistakes: Iterable[Mistake], places: Places) -> RecipeError:
    """One error that shows all mistakes, in the order of the file."""
    placed = sorted((*places.place(mistake), mistake.message) for mistake in mistakes)
    lines = [f"{place}: {message}" for _, place, message in dict.fromkeys(placed)]
    count = "a mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    return RecipeError("\n  ".join([f"{places.file} has {count}:", *lines]), "docs/recipes.md describes every field")


def suggestion(word: object, words: Iterable[str]) -> str:
    """`, did you mean ...?`, or what there is to choose from."""
    there = list(words)
    if near := get_close_matches(str(word), there, n=1):
        return f"; did you mean {near[0]!r}?"
    return f"; there is {', '.join(there)}" if there else ""


def in_words(error: ValidationError, model: type[BaseModel], value: object) -> Iterator[Mistake]:
    """What pydantic found, one mistake for each place."""
    seen: set[Path] = set()
    for details in error.errors(include_url=False):
        path = written_path(details, value)
        if path not in seen:
            seen.add(path)
            yield Mistake(path=path, message=_message(details, path, model))


def written_path(details: ErrorDetails, value: object) -> Path:
    """Pydantic's location without the names of union members; a missing key is placed below its parent."""
    path: list[str | int] = []
    here: Any = value
    for step in details["loc"]:
        match here, step:
            case (dict(), _) if step in here:
                here = here[step]
            case (list(), int()):
                here = here[step]
            case _:
                continue
        path.append(step)
    if details["type"] == "missing":
        path.append(details["loc"][-1])
    return tuple(path)


def _message(details: ErrorDetails, path: Path, model: type[BaseModel]) -> str:
    name = dotted(path)
    given = details["input"]
    match details["type"]:
        case "extra_forbidden":
            return f"unknown key {path[-1]!r}{suggestion(path[-1], keys_at(model, path[:-1]))}"
        case "missing":
            return f"{name} is missing"
        case "literal_error":
            expected = details.get("ctx", {})["expected"]
            return f"{name} must be {expected}, not {given!r}"
        case "string_pattern_mismatch":
            return f"{name} must hold only lower-case letters, digits, - and _, not {given!r}"
        case "value_error":
            return details["msg"].removeprefix("Value error, ")
        case "model_type" | "dict_type":
            return f"{name or 'a recipe'} must be a block of `key: value`, not {given!r}"
        case "tuple_type":
            return f"{name} must be a list, not {given!r}"
        case _:
            return f"{name} {_plain(details['msg'])}, not {given!r}"


def dotted(path: Path) -> str:
    """A path as a user writes it: `fewshot.shots[1]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _plain(message: str) -> str:
    plain = message.partition(", unable to")[0].replace("Input should be ", "must be ")
    return plain.replace(" a valid integer", " a whole number").replace(" a valid ", " a ")


def keys_at(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """The keys that a block at `path` may have; none where it is no block of named fields."""
    kinds: list[Any] = [model]
    for step in path:
        kinds = [member for kind in kinds for member in _members(_inside(kind, step))]
    return tuple(name for kind in kinds if _is_model(kind) for name in kind.model_fields)


def _inside(kind: Any, step: str | int) -> Any:
    if _is_model(kind):
        field = kind.model_fields.get(step)
        return field.annotation if field else None
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    return _members(get_args(annotation)[0]) if get_origin(annotation) is Annotated else [annotation]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
