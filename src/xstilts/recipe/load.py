"""Reading a recipe: a file or a shipped name, overrides, and every mistake at once with its line."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xstilts.cache.wheels import data_root
from xstilts.config.recipe import Recipe
from xstilts.errors import RecipeError
from xstilts.recipe import messages as mistakes
from xstilts.recipe import yaml as yaml12
from xstilts.recipe.messages import Mistake, Places
from xstilts.recipe.validate_files import check
from xstilts.tasks.task import Task

_SHIPPED = Path(__file__).parent / "shipped"
_NAMED_BLOCKS = ("targets", "intermediate")
"""Blocks of named blocks, in which a name alone (`intent:`) means the defaults."""
_PLACEHOLDERS: dict[str, object] = {"name": "recipe", "targets": {}}
"""What stands in for a missing key while the rest is checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRecipe:
    """A recipe that makes sense, with the tasks that it names. Its own files are relative to `base`."""

    recipe: Recipe
    path: Path | None
    """None where it was built in Python."""
    base: Path
    tasks: Mapping[str, Task]
    text: str = field(repr=False)
    root: Path | None = None
    """Folder of benchmarks' own files."""


def shipped_recipes() -> tuple[str, ...]:
    """The names of the recipes that come with the package."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.yaml")))


def load_recipe(name_or_path: str | Path, overrides: Sequence[str] = (), root: Path | None = None) -> LoadedRecipe:
    """The recipe of a file or of a shipped name, with `overrides` such as `fewshot.shots=[1,4]` applied.

    Benchmarks are read from their own files below `root`, or below XSTILTS_DATA_ROOT if that is None.
    Raises RecipeError that shows every mistake with its line. Nothing heavy is imported and nothing is fetched.
    """
    path = _find(str(name_or_path))
    text = _text(path)
    try:
        document = yaml12.read(text)
    except yaml12.YamlError as error:
        raise RecipeError(f"{path}:{error.line}: {error.message}", "mend the YAML and run again") from None
    if not isinstance(document.value, dict):
        raise RecipeError(
            f"{path} holds no recipe", "a recipe is a block of `key: value`; it needs `name` and `targets`"
        )
    value, overridden = _overridden(document.value, document.lines, overrides)
    places = Places(file=str(path), lines=document.lines, overrides=overridden)
    twice = [
        Mistake(path=p, message=f"{p[-1]!r} stands here a second time", line=line)
        for p, line in document.repeated.items()
    ]
    return _checked(value, twice, places, path=path, base=path.parent, text=text, root=root)


def checked_recipe(recipe: Recipe, base: Path | None = None, root: Path | None = None) -> LoadedRecipe:
    """A recipe that was built in Python, checked like a file. Its own files are relative to `base`, or to here.

    Raises RecipeError.
    """
    places = Places(file=f"the recipe {recipe.name!r}", lines={}, overrides={})
    return _checked(
        recipe.model_dump(mode="json"),
        [],
        places,
        path=None,
        base=base or Path.cwd(),
        text=recipe.model_dump_json(indent=2, exclude_defaults=True),
        root=root,
    )


def _checked(
    value: dict[str, Any],
    wrong: list[Mistake],
    places: Places,
    *,
    path: Path | None,
    base: Path,
    text: str,
    root: Path | None,
) -> LoadedRecipe:
    recipe, invalid = _validated(value)
    root = root or data_root()
    tasks, senseless = check(recipe, value, base, complete=not invalid, root=root)
    emptied = {mistake.path[:-1] for mistake in invalid}
    senseless = [m for m in senseless if not (m.path in emptied and "is empty" in m.message)]
    if wrong or invalid or senseless:
        raise mistakes.refusal([*wrong, *invalid, *senseless], places)
    return LoadedRecipe(recipe=recipe, path=path, base=base, tasks=tasks, text=text, root=root)


def _find(name: str) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    if name in shipped_recipes():
        return _SHIPPED / f"{name}.yaml"
    there = f"shipped recipes: {', '.join(shipped_recipes())}"
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise RecipeError(f"there is no file {name}", f"give a recipe's path, or its name ({there})")
    raise RecipeError(f"there is no recipe {name!r}{mistakes.suggestion(name, shipped_recipes())}", there)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from None


def _overridden(
    value: dict[str, Any], lines: Mapping[mistakes.Path, int], overrides: Sequence[str]
) -> tuple[dict[str, Any], dict[mistakes.Path, str]]:
    """`value` with every `key=value` put in, and the text of the override that wrote it for each new path."""
    changed, places = copy.deepcopy(value), {}
    for override in overrides:
        key, equals, text = override.partition("=")
        keys, label = tuple(key.split(".")), f"--set {override}"
        if not equals or not all(keys):
            raise RecipeError(f"{label} names no key and value", "write it like --set fewshot.shots=[1,4]")
        try:
            _put(changed, keys, yaml12.read_value(text), label)
        except yaml12.YamlError as error:
            raise RecipeError(f"{label}: {error.message}", "the value is read as YAML") from None
        new = (keys[:end] for end in range(1, len(keys)) if keys[:end] not in lines)
        places |= dict.fromkeys((*new, keys), label)
    return changed, places


def _put(block: dict[str, Any], keys: tuple[str, ...], value: object, label: str) -> None:
    for depth, key in enumerate(keys[:-1], start=1):
        if block.get(key) is None:
            block[key] = {}
        block = block[key]
        if not isinstance(block, dict):
            raise RecipeError(f"{label}: {'.'.join(keys[:depth])} is {block!r}", "only blocks have keys to set")
    block[keys[-1]] = value


def _validated(value: dict[str, Any]) -> tuple[Recipe, list[Mistake]]:
    """The recipe and what is wrong with it. The recipe lacks what is wrong, so that the rest can be checked too."""
    rest = copy.deepcopy(value)
    for name in _NAMED_BLOCKS:
        if isinstance(block := rest.get(name), dict):
            rest[name] = {key: {} if inner is None else inner for key, inner in block.items()}
    found: list[Mistake] = []
    while True:
        try:
            return Recipe.model_validate(rest), found
        except ValidationError as error:
            found = found or list(mistakes.in_words(error, Recipe, rest))
            _drop(rest, mistakes.written_path(error.errors()[-1], rest))


def _drop(rest: dict[str, Any], path: mistakes.Path) -> None:
    """Takes the value at `path` away; where a key is missing, the block that lacks it."""
    *above, last = path
    block: Any = rest
    for step in above:
        block = block[step]
    if not isinstance(block, dict) or last in block:
        del block[last]
    elif above:
        _drop(rest, tuple(above))
    else:
        block[last] = _PLACEHOLDERS[str(last)]
