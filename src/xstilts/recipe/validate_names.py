"""Checks names before they become parts of paths, titles and anchors."""

import unicodedata
from collections.abc import Iterator, Mapping

from xstilts.config.files import TaskFiles
from xstilts.config.recipe import Recipe
from xstilts.recipe.issues import Issue, Path
from xstilts.recipe.resolve import text_settings

_MAX_LENGTH = 64
_MAX_REVISION = 200
_SHOWN = 60
_HINT = (
    f"use at most {_MAX_LENGTH} letters, digits and the characters . _ + - and begin with a letter or digit; accented "
    "letters must be composed (Unicode NFC)"
)


def validate_names(recipe: Recipe) -> Iterator[Issue]:
    """Names of the recipe, its tasks, languages, splits and arms, and revisions on the Hub, with characters that are
    not safe in a path."""
    for path, name in _names(recipe):
        if not is_safe_name(name):
            yield Issue("invalid-name", path, f"{_shown(name)} is not a name", _HINT)
    for path, revision in _revisions(recipe):
        parts = revision.split("/")
        if len(revision) > _MAX_REVISION or not all(map(is_safe_name, parts)):
            hint = "give a commit, tag or branch of the Hub"
            yield Issue("invalid-name", path, f"{_shown(revision)} is not a revision", hint)


def is_safe_name(name: str) -> bool:
    """Whether a name is one short path component on every system: no separators, controls, or leading dots."""
    if not 0 < len(name) <= _MAX_LENGTH or not name[0].isalnum() or unicodedata.normalize("NFC", name) != name:
        return False
    return all(char.isalnum() or char in "._+-" or unicodedata.category(char).startswith("M") for char in name)


def _names(recipe: Recipe) -> Iterator[tuple[Path, str]]:
    yield ("name",), recipe.name
    for name, block in recipe.tasks.items():
        yield ("tasks", name), name
        yield from _names_in_task(("tasks", name), block)
    for name, partition in recipe.partition.items():
        yield from _keys(("partition", name, "fractions"), partition.fractions)
        yield from _items(("partition", name, "pool"), partition.pool)
    for name, arm in recipe.intermediate.items():
        path = ("intermediate", name)
        yield path, name
        yield (*path, "language"), arm.language
        if arm.translate:
            yield from _items((*path, "translate", "to"), arm.translate.to)
        if arm.align:
            yield (*path, "align", "split"), arm.align.split
    for name, target in recipe.targets.items():
        yield ("targets", name, "split"), target.split
    for path, block in text_settings(recipe).items():
        yield from _keys((*path, "texts"), block.texts)


def _names_in_task(path: Path, block: TaskFiles) -> Iterator[tuple[Path, str]]:
    yield from _keys((*path, "files"), block.files)
    for language, files in block.files.items():
        if not isinstance(files, str):
            yield from _keys((*path, "files", language), files)
    yield from _keys((*path, "fractions"), block.fractions or {})


def _revisions(recipe: Recipe) -> Iterator[tuple[Path, str]]:
    halves = (recipe.revision or "").split("+")
    yield from ((("revision",), half) for half in halves if half)
    for name, arm in recipe.intermediate.items():
        if arm.translate and arm.translate.revision:
            yield ("intermediate", name, "translate", "revision"), arm.translate.revision


def _keys(path: Path, block: Mapping[str, object]) -> Iterator[tuple[Path, str]]:
    return (((*path, key), key) for key in block)


def _items(path: Path, values: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    return (((*path, index), value) for index, value in enumerate(values))


def _shown(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")
