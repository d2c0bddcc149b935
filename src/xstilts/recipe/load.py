"""Loads a recipe from a file or by its shipped name, applies overrides, and reports all errors with their lines."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any

from xstilts.cache.wheels import data_root
from xstilts.config.recipe import Recipe
from xstilts.errors import RecipeError, did_you_mean
from xstilts.recipe import yaml
from xstilts.recipe.issues import Code, Issue, Path, dotted
from xstilts.recipe.locations import Locations, recipe_error
from xstilts.recipe.parse import parse, shortened
from xstilts.recipe.validate import validate
from xstilts.recipe.validate_files import load_tasks, validate_files
from xstilts.recipe.validate_names import validate_names
from xstilts.tasks.task import Task

_SHOWN = 200
"""Characters of an override that a message shows."""
_SHIPPED = FilePath(__file__).parent / "shipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRecipe:
    """A valid recipe with its tasks. Paths of the user's files are relative to `base`."""

    recipe: Recipe
    path: FilePath | None
    """None for a recipe that was built in Python."""
    base: FilePath
    tasks: Mapping[str, Task]
    text: str = field(repr=False)
    root: FilePath | None = None
    """The data root: the folder of native benchmark files."""


def shipped_recipes() -> tuple[str, ...]:
    """The names of the recipes that come with the package."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.yaml")))


def load_recipe(
    name_or_path: str | FilePath, overrides: Sequence[str] = (), root: FilePath | None = None
) -> LoadedRecipe:
    """The recipe of a file or of a shipped name, with `overrides` such as `fewshot.shots=[1,4]` applied.

    Native benchmark files are read below `root`, by default XSTILTS_DATA_ROOT. No torch is imported and nothing is
    downloaded. Raises RecipeError that lists every issue with its line.
    """
    path = _find(str(name_or_path))
    text = _read(path)
    try:
        document = yaml.read(text)
    except yaml.YamlError as error:
        raise _error("invalid-yaml", f"{path}:{error.line}: {error.message}", "fix the YAML and run again") from None
    if not isinstance(document.value, dict):
        hint = "a recipe is a block of `key: value`; it needs `name` and `targets`"
        raise _error("wrong-type", f"{path} contains no recipe", hint)
    value, labels = _apply_overrides(document.value, document.lines, overrides)
    locations = Locations(file=str(path), lines=document.lines, repeated=document.repeated, overrides=labels)
    repeated = [Issue("duplicate-key", p, f"{p[-1]!r} occurs a second time", "remove one") for p in document.repeated]
    return _check(value, repeated, locations, path=path, base=path.parent, text=text, root=root)


def checked_recipe(recipe: Recipe, base: FilePath | None = None, root: FilePath | None = None) -> LoadedRecipe:
    """A recipe that was built in Python, checked like a file. Paths of the user's files are relative to `base`, by
    default the working folder.

    Raises RecipeError that lists every issue with its path in the recipe.
    """
    return _check(
        recipe.model_dump(mode="json"),
        [],
        None,
        path=None,
        base=base or FilePath.cwd(),
        text=recipe.model_dump_json(indent=2, exclude_defaults=True),
        root=root,
    )


def _check(
    value: dict[str, Any],
    issues: list[Issue],
    locations: Locations | None,
    *,
    path: FilePath | None,
    base: FilePath,
    text: str,
    root: FilePath | None,
) -> LoadedRecipe:
    parsed = parse(value)
    recipe, root = parsed.recipe, root or data_root()
    tasks, task_issues = load_tasks(recipe, base, root)
    not_loaded = {issue.path[:2] for issue in task_issues}
    issues += [*parsed.issues, *task_issues, *validate_files(recipe, base, root)]
    issues += validate(recipe, tasks, parsed.removed | not_loaded)
    issues += validate_names(recipe)
    if issues:
        raise recipe_error(str(value.get("name", path.stem if path else "recipe")), issues, locations)
    return LoadedRecipe(recipe=recipe, path=path, base=base, tasks=tasks, text=text, root=root)


def _error(code: Code, message: str, hint: str = "") -> RecipeError:
    """An error of the whole file, or of an override."""
    return RecipeError(message, hint, [Issue(code, (), message, hint)])


def _find(name: str) -> FilePath:
    path = FilePath(name)
    if path.is_file():
        return path
    if name in shipped_recipes():
        return _SHIPPED / f"{name}.yaml"
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        names = [file.name for file in path.parent.glob("*.y*ml")]
        if close := get_close_matches(path.name, names, n=1):
            raise _error("missing-file", f"no file {name}", f"did you mean {str(path.with_name(close[0]))!r}?")
        shipped = ", ".join(shipped_recipes())
        raise _error("missing-file", f"no file {name}", f"give the path of a recipe, or a shipped recipe: {shipped}")
    raise _error("unknown-recipe", f"unknown recipe {name!r}", did_you_mean(name, shipped_recipes()))


def _read(path: FilePath) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _error("unreadable-file", f"{path} is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    except OSError as error:
        raise _error("unreadable-file", f"{path} cannot be read: {error.strerror}") from None


def _apply_overrides(
    value: dict[str, Any], lines: Mapping[Path, int], overrides: Sequence[str]
) -> tuple[dict[str, Any], dict[Path, str]]:
    """`value` with every `key=value` set, and for each path that was set, the override."""
    value, labels = copy.deepcopy(value), {}
    for override in overrides:
        key, equals, text = override.partition("=")
        shown = override if len(override) <= _SHOWN else f"{override[:_SHOWN]}..."
        keys, label = tuple(key.split(".")), f"--set {shown}"
        if len(keys) > yaml.MAX_NESTING:
            raise _error("invalid-override", f"{label} has more than {yaml.MAX_NESTING} nested keys")
        if not equals or not all(keys) or not key.isprintable():
            raise _error("invalid-override", f"{label} has no key and value", "write it like --set fewshot.shots=[1,4]")
        try:
            _set(value, keys, yaml.read(text).value, label)
        except yaml.YamlError as error:
            raise _error("invalid-override", f"{label}: {error.message}", "the value is read as YAML") from None
        new_blocks = (keys[:end] for end in range(1, len(keys)) if keys[:end] not in lines)
        labels |= dict.fromkeys((*new_blocks, keys), label)
    return value, labels


def _set(block: dict[str, Any], keys: tuple[str, ...], value: object, label: str) -> None:
    for depth, key in enumerate(keys[:-1], start=1):
        if block.get(key) is None:
            block[key] = {}
        block = block[key]
        if not isinstance(block, dict):
            message = f"{label}: {dotted(keys[:depth])} is {shortened(block)}, which has no keys"
            raise _error("invalid-override", message, "set the whole value instead")
    block[keys[-1]] = value
